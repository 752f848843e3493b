/** Owns the settings of the sign-in from a terminal. */
import type { Settings } from './settings.ts';

export type TerminalConfig = {
  readonly terminal: {
    readonly isOn: boolean;
    /** Hours that a password works which a terminal gets. */
    readonly passwordHours: number;
    /** Whether a terminal in another network than the browser's is refused; otherwise the page warns. */
    readonly refusesOtherNetworks: boolean;
  };
};

export function readTerminal(settings: Settings): TerminalConfig {
  return {
    terminal: {
      isOn: settings.flag('TERMINAL_SIGN_IN', true),
      passwordHours: settings.integer('TERMINAL_PASSWORD_HOURS', { fallback: 12, minimum: 1, maximum: 24 * 30 }),
      refusesOtherNetworks: settings.choice('TERMINAL_OTHER_NETWORK', ['warn', 'refuse'], 'warn') === 'refuse',
    },
  };
}
