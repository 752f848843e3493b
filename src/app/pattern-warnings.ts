/** Makes what the API and commands say about a password's patterns that match nothing it could be used for. */
import type { PasswordInput } from '../app-passwords/input.ts';
import type { Config } from '../config/config.ts';
import { narrower } from '../identity/identity.ts';
import type { Policy } from '../policy/acl.ts';
import { unreachablePatterns } from '../repositories/password-preview.ts';
import { createTurns } from '../repositories/turns.ts';
import { unreachableTexts } from '../web/password-preview.ts';
import type { Core } from './core.ts';
import { createIdentityByName } from './identity-by-name.ts';

/**
 * A sentence for each pattern that can't be used at any registry, from any address; none in doubt. Ask before there is a
 * secret, which must be shown whatever fails.
 * @throws {Refusal} `bad_request` for a pattern that isn't valid
 */
export type PatternWarnings = (login: string, input: PasswordInput) => Promise<string[]>;

/** @param policy returns the policy in force; it's only asked for a password with patterns */
export function createPatternWarnings(
  config: Pick<Config, 'services' | 'gracePeriods'>,
  { store, passwords }: Pick<Core, 'store' | 'passwords'>,
  policy: () => Policy,
): PatternWarnings {
  const named = createIdentityByName(config, store.accounts, policy);
  const services = config.services.map(({ name }) => ({ name, hasList: false }));
  const parts = { policy, services, turns: createTurns() };
  return async (login, input) => {
    const limits = passwords.limitsFor(input);
    if (limits.repositories === null) return [];
    const { identity } = await named(login);
    const limited = { ...identity, limits: narrower(identity.limits, limits) };
    const unreachable = await unreachablePatterns(parts, { identity: limited, address: '' });
    return unreachableTexts(unreachable, { who: login, pullOnly: input.pullOnly });
  };
}
