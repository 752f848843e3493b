/** Makes the sign-in from a terminal, and what programs ask of it. */
import type { Config } from '../config/config.ts';
import {
  createDeviceAuthorization,
  createDisabled,
  createRevocation,
  createTerminalGrants,
  type TerminalGrantParts,
  terminalGrantTypes,
} from '../oauth/terminal-grants.ts';
import type { Grant } from '../oauth/token-endpoint.ts';
import { createTerminal, type Terminal } from '../terminal/terminal.ts';
import type { Core } from './core.ts';

export function openTerminal({ terminal, publicUrl }: Config, core: Core): Terminal {
  const { store, audit, pepper, passwords } = core;
  return createTerminal({
    ...{ store: store.terminalRequests, machineStore: store.machines, passwords: store.passwords, audit, pepper },
    ...{ accounts: store.accounts, identityByHash: passwords.identityByHash, publicUrl: publicUrl.href },
    ...{ passwordHours: terminal.passwordHours, refusesOtherNetworks: terminal.refusesOtherNetworks },
    now: Date.now,
  });
}

function grantPartsOf({ publicUrl, prefix, services }: Config, terminal: Terminal): TerminalGrantParts {
  return { terminal, publicUrl: `${publicUrl.origin}${prefix}/`, services, now: Date.now };
}

/** Of `/oauth/token`. Where it's disabled nothing new is given out, and a machine's helper is told why. */
export function terminalGrants(config: Config, terminal: Terminal): ReadonlyMap<string, Grant> {
  const parts = grantPartsOf(config, terminal);
  if (config.terminal.isOn) return createTerminalGrants(parts);
  return new Map(terminalGrantTypes.map((type) => [type, createDisabled(parts)]));
}

/** The others, by path. A machine can always sign itself out. */
export function terminalEndpoints(config: Config, terminal: Terminal): ReadonlyMap<string, Grant> {
  const parts = grantPartsOf(config, terminal);
  return new Map([
    ['/oauth/device', config.terminal.isOn ? createDeviceAuthorization(parts) : createDisabled(parts)],
    ['/oauth/revoke', createRevocation(parts)],
  ]);
}
