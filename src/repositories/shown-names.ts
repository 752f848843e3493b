/** Owns whose names people see: by default who pushed what they can pull, never who pulled (ACTIVITY_NAMES). */
import type { Who } from '../store/repository-rows.ts';

/** `pushes`: people see who pushed, and only administrators who pulled; `all`: both; `administrators`: neither. */
export type ActivityNames = 'pushes' | 'all' | 'administrators';

/** Who looks: their own name is no secret to them. `null`: an administrator. */
export type Reader = { readonly accountId: string } | null;

/** How someone is called on a page; `null` where their name isn't shown. */
export function nameOf(who: Who, reader: Reader, names: ActivityNames, action: 'push' | 'pull'): string | null {
  if (reader !== null && who.actor_account_id === reader.accountId) return 'you';
  if (!isShown(who, reader, names, action)) return null;
  switch (who.actor_kind) {
    case 'anonymous':
      return 'someone without a password';
    case 'deleted':
      return 'an account that was removed';
    case 'unknown':
      return null;
    default:
      return who.actor_login;
  }
}

/** Robots and workloads aren't people. */
function isShown({ actor_kind: kind }: Who, reader: Reader, names: ActivityNames, action: 'push' | 'pull'): boolean {
  if (reader === null || names === 'all') return true;
  return action === 'push' && (names === 'pushes' || kind === 'robot' || kind === 'workload');
}
