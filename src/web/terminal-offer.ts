/** Owns the lines that sign a terminal in, which the page for a new password offers first. */
import { quote } from './login-lines.ts';

declare module './views.ts' {
  interface ViewData {
    'terminal-offer': object;
  }
}

/** What a person pastes: the one line, and the same in steps, to read the script before it runs. */
export type TerminalOffer = { readonly line: string; readonly steps: string; readonly windows: string };

/** @param base PUBLIC_URL, with a slash at its end; @param hosts what clients write before an image's name */
export function terminalOfferOf(base: URL, hosts: readonly string[]): TerminalOffer {
  const script = quote(new URL('cli/login.sh', base).href);
  const perHost = (command: string) => hosts.map((host) => `${command} ${quote(host)}`).join('\n');
  return {
    line: perHost(`curl -fsS ${script} | sh -s --`),
    steps: [`curl -fsSO ${script}`, 'less login.sh', perHost('sh login.sh')].join('\n'),
    windows: new URL('cli/login.ps1', base).href,
  };
}
