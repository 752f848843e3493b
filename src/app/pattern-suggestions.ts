/** Owns what the form of a password suggests to limit it to: what its owner's rules name, and what it was used for. */
import type { Owner } from '../app-passwords/app-passwords.ts';
import { createPatternCheck } from '../pattern/repository-pattern.ts';
import { type EffectivePermissions, effectivePermissionsOf } from '../policy/effective-permissions.ts';
import type { PasswordActionParts } from '../web/password-actions.ts';
import type { PageContext } from './page-context.ts';

/** Of rules, and of uses the latest. */
const maximum = 6;

export function createPatternSuggestions({
  policies,
  identityNamed,
  usesOf,
  settings,
}: Pick<PageContext, 'policies' | 'identityNamed' | 'usesOf' | 'settings'>): PasswordActionParts['suggestionsOf'] {
  const problemOf = createPatternCheck(settings.services.map(({ registryHost }) => registryHost));
  return async (request, { id, login, kind }: Owner) => {
    const [{ identity }, uses] = await Promise.all([identityNamed(login), usesOf(request, { id, login, kind })]);
    const used = [...uses.values()]
      .flat()
      .filter((use) => use.kind === 'repository')
      .toSorted((a, b) => b.lastAt - a.lastAt)
      .map(({ value }) => value);
    const named = patternsOf(effectivePermissionsOf(policies.current(), identity));
    // A rule can hold what a password can't: expressions, and every repository there is.
    const usable = (patterns: readonly string[]) =>
      [...new Set(patterns)].filter((pattern) => pattern !== '**' && problemOf(pattern) === null).slice(0, maximum);
    return [...new Set([...usable(named), ...usable(used)])];
  };
}

function patternsOf({ candidateRules }: EffectivePermissions): string[] {
  return candidateRules
    .filter(({ actions }) => actions.length > 0)
    .flatMap(({ requires }) => requires.filter(({ field }) => field === 'name'))
    .flatMap(({ patterns }) => patterns);
}
