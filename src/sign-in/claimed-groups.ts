/** Owns which groups a provider's answers add up to, and what it means when the claim is in none of them. */
import { errorMessage } from '../lib/errors.ts';
import { type GroupsClaim, type GroupsReading, readGroups } from './group-claim.ts';
import type { Sent, SentBefore, SentBy } from './sent-before.ts';

export type ClaimedGroups = {
  /** `null`: unknown, which is not "none". */
  readonly groups: readonly string[] | null;
  /** Why they're unknown, for the log and for the person; `null` where they aren't, or no claim is configured. */
  readonly groupsProblem: string | null;
  /** No group, because the claim was left out. */
  readonly groupsLeftOut: boolean;
};

export const noGroupsClaim: ClaimedGroups = { groups: null, groupsProblem: null, groupsLeftOut: false };

type Claims = Readonly<Record<string, unknown>>;

/** What a provider sent at one time. */
export type Answers = {
  /** The kind of the answer that brought the ID token. */
  readonly what: Sent & ('groups in the ID token' | 'groups in a refresh answer');
  /** Of the ID token; `null`: the answer brought none. */
  readonly idToken: Claims | null;
  /** `null` if there is no such endpoint; it's asked only where the ID token doesn't have the groups. */
  readonly userinfo: () => Promise<Claims | null>;
};

export type ClaimedGroupsParts = {
  /** What the provider's button says. */
  readonly label: string;
  readonly claim: GroupsClaim;
  readonly by: SentBy;
  /** The client that asked, and the scopes that it asked for: providers map claims to these. */
  readonly client: { readonly clientId: string; readonly scopes: readonly string[] };
  readonly sent: SentBefore;
};

/** Whose answers count for this claim. */
function claimBy({ by, client: { clientId, scopes }, claim }: ClaimedGroupsParts): SentBy {
  return { ...by, asked: [clientId, claim.path, ...scopes] };
}

export async function claimedGroups(parts: ClaimedGroupsParts, answers: Answers): Promise<ClaimedGroups> {
  const { what, idToken } = answers;
  const first = idToken === null ? null : readGroups(idToken, parts.claim);
  if (first?.kind === 'groups') return found(parts, what, first);
  const second = await readUserinfo(parts.claim, answers);
  if (second?.kind === 'groups') return found(parts, 'groups in userinfo', second);
  for (const reading of [first, second]) {
    if (reading?.kind === 'unreadable') return unknown(`${parts.label} sent ${reading.reason}`);
  }
  const leftOut: Sent[] = [
    ...(first === null ? [] : [what]),
    ...(second === null ? [] : (['groups in userinfo'] as const)),
  ];
  if (await meansNone(parts, leftOut)) return { groups: [], groupsProblem: null, groupsLeftOut: true };
  if (leftOut.length === 0) return unknown(`${parts.label} sent nothing that could have the groups claim`);
  return unknown(`${parts.label} sent no groups claim`);
}

/** @returns `null` if there is no such answer */
async function readUserinfo(claim: GroupsClaim, { userinfo }: Answers): Promise<GroupsReading | null> {
  try {
    const claims = await userinfo();
    return claims === null ? null : readGroups(claims, claim);
  } catch (error) {
    return { kind: 'unreadable', reason: `no userinfo that can be read (${errorMessage(error)})` };
  }
}

async function found(
  parts: ClaimedGroupsParts,
  what: Sent,
  { groups, hasCommas }: GroupsReading & { kind: 'groups' },
): Promise<ClaimedGroups> {
  const { by, sent } = parts;
  await sent.note(claimBy(parts), what);
  if (hasCommas) await sent.note(by, 'groups with commas');
  return { groups, groupsProblem: null, groupsLeftOut: false };
}

function unknown(groupsProblem: string): ClaimedGroups {
  return { groups: null, groupsProblem, groupsLeftOut: false };
}

/** Judged by the kind of answer: a provider may send the claim in userinfo only, and its ID token then says nothing. */
async function meansNone(parts: ClaimedGroupsParts, leftOut: readonly Sent[]): Promise<boolean> {
  const { claim, sent } = parts;
  if (claim.missing === 'unknown' || leftOut.length === 0) return false;
  if (claim.missing === 'none') return true;
  for (const what of leftOut) if (await sent.has(claimBy(parts), what)) return true;
  return false;
}
