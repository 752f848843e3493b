/** Owns which robots' passwords an administrator should look at: whose maker is unknown or left, or can't do what they're used for. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { AppPassword, AppPasswords } from '../app-passwords/app-passwords.ts';
import { endAfterMaker, type MakerRules } from '../app-passwords/maker.ts';
import type { Use, Uses } from '../audit/uses.ts';
import { identityOfAccount } from '../identity/account-identity.ts';
import type { GracePeriods } from '../identity/account-status.ts';
import type { Identity } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import type { Policy } from '../policy/acl.ts';
import { decide } from '../policy/decide.ts';
import type { Account } from '../store/accounts.ts';
import type { Store } from '../store/store.ts';

export type RobotConcern = {
  readonly password: AppPassword;
  readonly why:
    | { readonly kind: 'unknown' }
    /** `until`: when it stops, epoch milliseconds; `null`: it doesn't. */
    | { readonly kind: 'left'; readonly until: number | null }
    /** Of what it was used for in the last 30 days, what its maker can't do: "repository:team/app:push". */
    | { readonly kind: 'beyond'; readonly scopes: readonly string[]; readonly enforced: boolean };
};

export type RobotReviewParts = {
  readonly store: Pick<Store, 'accounts'>;
  readonly passwords: Pick<AppPasswords, 'ofRobots' | 'boundOf'>;
  readonly uses: Pick<Uses, 'ofAccount'>;
  readonly policy: () => Policy;
  readonly services: readonly { readonly name: string }[];
  readonly makerRules: MakerRules;
  readonly gracePeriods: GracePeriods;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** By robot and name. */
export async function reviewRobots(parts: RobotReviewParts): Promise<RobotConcern[]> {
  const found: RobotConcern[] = [];
  for (const [id, passwords] of Map.groupBy(await parts.passwords.ofRobots(), ({ accountId }) => accountId)) {
    const robot = await readRobot(parts, id);
    for (const password of passwords) {
      const why = await concernOf(parts, robot, password);
      if (why !== null) found.push({ password, why });
    }
    // Deciding about all that robots do takes a while.
    await yieldToOthers();
  }
  return found;
}

/** `account`: `undefined` where it was deleted since its passwords were listed. */
type Robot = {
  readonly account: Account | undefined;
  readonly uses: ReadonlyMap<string, readonly Use[]>;
};

async function readRobot({ store, uses }: RobotReviewParts, id: string): Promise<Robot> {
  return { account: await store.accounts.byId(id), uses: await uses.ofAccount(id) };
}

async function concernOf(
  parts: RobotReviewParts,
  robot: Robot,
  password: AppPassword,
): Promise<RobotConcern['why'] | null> {
  const { maker } = password;
  if (maker === null) return { kind: 'unknown' };
  if (maker.leftAt !== null) return { kind: 'left', until: endAfterMaker(maker, parts.makerRules) };
  if (maker.as === 'administrator' || maker.accountId === null) return null;
  const identity = await identityOf(parts, robot, password);
  const scopes = identity === null ? [] : beyondMaker(parts, identity, robot.uses.get(password.id) ?? []);
  return scopes.length === 0 ? null : { kind: 'beyond', scopes, enforced: parts.makerRules.enforced };
}

/** Bound as it would be where the bound is enforced; `null` where it stopped since it was listed. */
async function identityOf(
  { passwords, gracePeriods, now }: RobotReviewParts,
  { account }: Robot,
  password: AppPassword,
): Promise<Identity | null> {
  const maker = await passwords.boundOf(password).catch((error: unknown) => {
    if (error instanceof Refusal) return undefined;
    throw error;
  });
  if (account === undefined || maker === undefined) return null;
  const identity = identityOfAccount(account, gracePeriods, now());
  return { ...identity, limits: password.limits, maker: maker && { ...maker, enforced: true } };
}

/** What the bound takes away, at any service and from any address that was used. */
function beyondMaker({ policy, services }: RobotReviewParts, robot: Identity, uses: readonly Use[]): string[] {
  const valuesOf = (kind: Use['kind']) => uses.flatMap((use) => (use.kind === kind ? use.value : []));
  const addresses = valuesOf('address');
  const contexts = services.flatMap(({ name: service }) =>
    (addresses.length === 0 ? [''] : addresses).map((address) => ({ service, address })),
  );
  return valuesOf('repository').flatMap((name) => {
    const access = { type: 'repository', name, actions: ['pull', 'push', 'delete'] };
    const missing = access.actions.filter((action) =>
      contexts.some((context) => {
        const allows = (identity: Identity) => decide(policy(), identity, access, context).granted.includes(action);
        return allows({ ...robot, maker: null }) && !allows(robot);
      }),
    );
    return missing.length === 0 ? [] : [`repository:${name}:${missing.join(',')}`];
  });
}
