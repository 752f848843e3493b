/** Owns whether a browser opens on this machine. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Environment } from '../config/settings.ts';

/** Milliseconds in which one has to open. */
const patience = 5_000;

/** Whether there can be one; only then it's worth listening for what it brings back. */
export function canHaveBrowser(environment: Environment): boolean {
  if (environment['SSH_CONNECTION']) return false;
  if (process.platform === 'darwin' || environment['WSL_DISTRO_NAME'] || isRemote(environment)) return true;
  return Boolean(environment['DISPLAY'] || environment['WAYLAND_DISPLAY']);
}

/** @returns whether one opened, as far as can be told within five seconds */
export function openBrowser(url: string, environment: Environment): Promise<boolean> {
  const child = spawn(openerOf(environment), [url], { stdio: 'ignore', detached: true });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  // One that still runs is the browser itself; where the browser would be on another machine, it's something that hangs.
  const timer = setTimeout(() => resolve(!isElsewhere(environment)), patience).unref();
  child.once('error', () => resolve(false)).once('exit', (code) => resolve(code === 0));
  child.unref();
  return promise.finally(() => clearTimeout(timer));
}

function openerOf(environment: Environment): string {
  if (process.platform === 'darwin') return 'open';
  return environment['WSL_DISTRO_NAME'] ? 'wslview' : 'xdg-open';
}

/** WSL, containers and remote IDEs. */
function isElsewhere(environment: Environment): boolean {
  const isContainer = existsSync('/.dockerenv') || existsSync('/run/.containerenv');
  return isContainer || isRemote(environment) || Boolean(environment['WSL_DISTRO_NAME']);
}

function isRemote(environment: Environment): boolean {
  return Boolean(environment['VSCODE_IPC_HOOK_CLI'] || environment['CODESPACES'] || environment['REMOTE_CONTAINERS']);
}
