/** Owns what Dockpass knows about a requester: the Identity, and the seam by which a secret becomes one. */
import { normalized } from '../lib/unicode.ts';

/** `robot` and `ci` are not people; `static` is a user of the policy file; `anonymous` sent no credentials. */
export type IdentityKind = 'person' | 'static' | 'robot' | 'ci' | 'anonymous';

/** How far the owner of a credential narrowed it. `null` means: not narrowed. */
export type Limits = {
  /** The only actions that can be granted, for example `['pull']`. */
  readonly actions: readonly string[] | null;
  /** Globs of repository names (`*` within a path segment, `**` across); whatever is not a repository is refused. */
  readonly repositories: readonly string[] | null;
};

/** What a password with limits can do where its owner is limited, too. @param given by the status of the account, which leaves every repository */
export function narrower(given: Limits | null, { actions, repositories }: Limits): Limits {
  const left = given?.actions ?? null;
  const both = left === null ? actions : (actions?.filter((action) => left.includes(action)) ?? left);
  return { actions: both, repositories };
}

/** Everything that a policy decision can depend on, besides the request itself. */
export type Identity = {
  readonly kind: IdentityKind;
  /** The docker user name: a case-folded e-mail, a static user's name, or `''` for anonymous. Becomes `sub` of the token. */
  readonly account: string;
  /** The verified e-mail, case-folded, or `null` where there is none. */
  readonly email: string | null;
  /** The verified domain: Google's `hd`, for other providers the domain of the verified e-mail; `null` where unknown. */
  readonly domain: string | null;
  /** The configured name of the provider that vouches for a person, which begins each of their groups; `null` where there is none. */
  readonly provider: string | null;
  /** Groups that the provider or directory reported, prefixed by provider: `google:dev@example.com`. Empty where unknown. */
  readonly groups: readonly string[];
  /**
   * False: unknown, which isn't "no groups": never reported, or too long ago to count. The person may then be in any group
   * of the provider, and gets only what every one of these possibilities allows.
   */
  readonly groupsKnown: boolean;
  /** Groups of which the provider doesn't say whether the person is in them; the others are known. Empty unless `groupsKnown`. */
  readonly undecidedGroups: readonly string[];
  /** Epoch milliseconds at which they were last reported; `null`: never. */
  readonly groupsAt: number | null;
  /** docker_auth's labels: of static users and robots, and of workloads from their claims. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  readonly limits: Limits | null;
  /** Which stored credential proved this, for the audit and the last use; `null` for static users and anonymous. */
  readonly credential: { readonly id: string; readonly name: string } | null;
  /** The stored account behind the credential; `null` for static users and anonymous. */
  readonly accountId: string | null;
  /** Who made a robot's password, where it does no more than that person can; `null` if no one else bounds it. */
  readonly maker: Bound | null;
  /** For a workload: which of its proofs this is, and how long it counts; `null` for everyone else. */
  readonly workload: WorkloadProof | null;
};

/** An ID token of a CI system or cluster, or what was made from one. */
export type WorkloadProof = {
  /** Tells proofs apart: a run must never be given a token that was made for another one. */
  readonly id: string;
  /** What it's sent with in the place of the account, whose name has colons. */
  readonly usernames: readonly string[];
  /** The run of the platform, for the log; `null` where it doesn't say. */
  readonly run: string | null;
  /** Epoch milliseconds at which it ends, and with it every token that is made for it. */
  readonly endsAt: number;
  /** Seconds that a token which is made for it lives at most, as its rule says. */
  readonly lifetime: number;
};

/** Someone else whose permissions bound an identity's. */
export type Bound = {
  readonly login: string;
  readonly identity: Identity;
  /** Whether it denies; otherwise it only warns. */
  readonly enforced: boolean;
};

export const anonymous: Identity = Object.freeze({
  kind: 'anonymous',
  account: '',
  email: null,
  domain: null,
  provider: null,
  groups: [],
  undecidedGroups: [],
  groupsKnown: true,
  groupsAt: null,
  labels: {},
  limits: null,
  credential: null,
  accountId: null,
  maker: null,
  workload: null,
});

/**
 * Someone who sends no credentials, where the policy has no user `""`. Registry clients do so first, and read only an empty
 * grant as "log in" (a 401 fails the whole push of some). No rule applies to someone whom the policy doesn't know:
 * `account: "*"` means every user, and `""` isn't one.
 */
export const nobody: Identity = Object.freeze({ ...anonymous, limits: { actions: [], repositories: [] } });

/** A user name and secret as they came over the wire, whatever the secret turns out to be. */
export type Credentials = { readonly username: string; readonly password: string };

/**
 * Checks one kind of secret. `recognises` looks only at the shape, and no two authenticators recognise the same
 * credentials, so their order cannot change an answer.
 */
export interface Authenticator {
  recognises(credentials: Credentials): boolean;
  /**
   * The identity that the credentials prove, or `null` when they are wrong.
   * @param address where they come from, for limits
   * @param service the registry that asks, for what is good at one alone
   * @throws {Refusal} `unauthenticated` when the secret is right but can't be used (expired, revoked): its holder can know why.
   * @throws any other error when it could not be checked; the answer is then 503, never "wrong password".
   */
  verify(credentials: Credentials, address?: string, service?: string): Promise<Identity | null>;
}

/** E-mails and user names are compared in this form. */
export function foldCase(value: string): string {
  return normalized(value).toLowerCase();
}
