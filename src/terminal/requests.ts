/** Owns terminals that ask to be signed in: what they ask for, who decides, and how often each can try (RFC 8628, RFC 10027). */
import { randomBytes } from 'node:crypto';
import type { Actor, Audit } from '../audit/audit.ts';
import type { Limits } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import { networkOf } from '../lib/network-of.ts';
import type { Pepper } from '../lib/secret.ts';
import { minute } from '../lib/time.ts';
import type { TerminalRequestRow, TerminalRequestStore } from '../store/terminal-requests.ts';
import { quotable } from './said-by-requester.ts';
import { createUserCode, normalizeUserCode } from './user-code.ts';

/** `login`: a password for one login. `machine`: a refresh secret for a credential helper. */
export type Purpose = 'login' | 'machine';

/** A sign-in on the same device ends at this address (RFC 8252), and only who began it can redeem it (RFC 7636). */
export type Loopback = { readonly redirectUri: string; readonly state: string | null; readonly codeChallenge: string };

export type StartInput = {
  /** The registry to log in to: a service of this Dockpass. */
  readonly service: string;
  readonly purpose: Purpose;
  /** What the terminal calls its machine. */
  readonly machine: string;
  /** `null`: the device flow. */
  readonly loopback: Loopback | null;
};

/** Times are epoch milliseconds. */
export type Started = { readonly deviceCode: string; readonly userCode: string; readonly expiresAt: number };

/** A request as the page shows it. What the requester chose is only ever quoted. */
export type PendingRequest = {
  readonly id: string;
  readonly machine: string;
  readonly client: string;
  readonly service: string;
  readonly purpose: Purpose;
  readonly address: string;
  /** Whether the terminal is in the network of who decides. */
  readonly isSameNetwork: boolean;
  readonly expiresAt: number;
};

export type TerminalRequests = {
  /** @throws {Refusal} `too_many_requests` */
  start(input: StartInput, client: Requester): Promise<Started>;
  /**
   * What waits under a code that someone typed.
   * @throws {Refusal} `not_found` for a wrong or expired code, `too_many_requests` after ten wrong ones
   */
  find(typed: string, person: Decider): Promise<PendingRequest>;
  /**
   * @returns where a sign-in on the same device continues; `null` for the device flow
   * @throws {Refusal} as `find`, and `conflict` where it was decided meanwhile
   */
  decide(
    typed: string,
    person: Decider,
    decision: { readonly approved: boolean; readonly limits: Limits },
  ): Promise<{ readonly href: string | null }>;
  /** Of who polls; `undefined` where nothing is known of it. */
  byDeviceCode(deviceCode: string): Promise<TerminalRequestRow | undefined>;
};

/** Who decides, and from where. */
export type Decider = { readonly accountId: string; readonly login: string; readonly client: Requester };

export type RequestParts = {
  readonly store: TerminalRequestStore;
  readonly audit: Audit;
  readonly pepper: Pepper;
  /** Whether a terminal in another network than the browser's is refused (`TERMINAL_OTHER_NETWORK`). */
  readonly refusesOtherNetworks: boolean;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds: the longest that RFC 8628, section 6.1 thinks of for a code that is typed. */
export const codeLifetime = 10 * minute;
/** That wait for a decision. A full table refuses new ones and never drops one. */
const waiting = { network: 5, all: 10_000 };
/** Wrong codes of one person, and of one network, in ten minutes. */
const maximumGuesses = 10;

export function createTerminalRequests(parts: RequestParts): TerminalRequests {
  const { store, pepper, audit, now } = parts;
  return {
    start: (input, client) => start(parts, input, client),
    find: async (typed, person) => toPending(await findRow(parts, typed, person), person),
    async decide(typed, person, { approved, limits }) {
      const row = await findRow(parts, typed, person);
      const pending = toPending(row, person);
      if (approved && !pending.isSameNetwork && parts.refusesOtherNetworks) {
        throw new Refusal(
          'denied',
          'This terminal is in another network than your browser, which is not allowed here.',
        );
      }
      const code = row.redirect_uri === null ? null : randomBytes(32).toString('base64url');
      const codeHash = code === null ? null : hashOfDeviceCode(pepper, code);
      const decision = { accountId: person.accountId, approved, at: now(), codeHash, ...jsonOf(limits) };
      const event = { ...eventOf(person, approved), detail: detailOf(pending, limits) };
      if (await audit.commit(event, (entry) => store.decide(row.id, decision, entry))) {
        return { href: hrefOf(row, approved ? { code: code ?? '' } : { error: 'access_denied' }) };
      }
      throw new Refusal('conflict', 'This terminal was approved or refused a moment ago. Start again in the terminal.');
    },
    byDeviceCode: (deviceCode) => store.byDeviceCode(hashOfDeviceCode(pepper, deviceCode)),
  };
}

async function start({ store, pepper, now }: RequestParts, input: StartInput, client: Requester): Promise<Started> {
  const deviceCode = randomBytes(32).toString('base64url');
  const userCode = createUserCode();
  const createdAt = now();
  const row = {
    ...{ id: randomBytes(9).toString('hex'), device_code_hash: hashOfDeviceCode(pepper, deviceCode) },
    user_code_hash: hashOfUserCode(pepper, normalizeUserCode(userCode) ?? userCode),
    ...{ network: networkOf(client.address), address: client.address, service: input.service },
    ...{ machine: quotable(input.machine, 'a machine without a name'), purpose: input.purpose },
    client: quotable(client.userAgent, 'a program without a name'),
    redirect_uri: input.loopback?.redirectUri ?? null,
    ...{ state: input.loopback?.state ?? null, code_challenge: input.loopback?.codeChallenge ?? null },
    ...{ created_at: createdAt, expires_at: createdAt + codeLifetime },
  };
  if (!(await store.insert(row, waiting))) {
    const message = 'Too many terminals wait to be approved. Decide or let them expire, then try again.';
    throw new Refusal('too_many_requests', message, { retryAfter: 60 });
  }
  return { deviceCode, userCode, expiresAt: row.expires_at };
}

async function findRow(parts: RequestParts, typed: string, person: Decider): Promise<TerminalRequestRow> {
  const { store, pepper, now } = parts;
  await countTry(parts, person);
  const code = normalizeUserCode(typed);
  const row = code === null ? undefined : await store.byUserCode(hashOfUserCode(pepper, code));
  if (row !== undefined && row.expires_at > now() && row.approved === null) {
    // Only its own: an attacker who has a code of their own would reset the count and keep trying forever.
    for (const key of guessKeys(pepper, person)) await store.forgiveTry(key);
    return row;
  }
  throw new Refusal('not_found', 'No terminal is waiting for this code. Check it, or start again in the terminal.', {
    field: 'code',
  });
}

/** RFC 6749, section 4.1.2: the answer is in the query of the redirect URI. */
function hrefOf({ redirect_uri: uri, state }: TerminalRequestRow, answer: Record<string, string>): string | null {
  if (uri === null) return null;
  return `${uri}?${new URLSearchParams({ ...answer, ...(state !== null && { state }) })}`;
}

/** Counted before it's looked up, so that many at the same moment have no more tries than one after another. */
async function countTry({ store, pepper, now }: RequestParts, person: Decider): Promise<void> {
  for (const key of guessKeys(pepper, person)) {
    if (await store.countTry(key, now(), codeLifetime, maximumGuesses)) continue;
    const message = 'Too many wrong codes. Wait ten minutes, then start again in the terminal.';
    throw new Refusal('too_many_requests', message, { retryAfter: codeLifetime / 1000 });
  }
}

function guessKeys(pepper: Pepper, { accountId, client }: Decider): string[] {
  return [`person ${accountId}`, `network ${networkOf(client.address)}`].map((key) => pepper.hash(`guess\0${key}`));
}

function hashOfUserCode(pepper: Pepper, code: string): string {
  return pepper.hash(`user code\0${code}`);
}

function hashOfDeviceCode(pepper: Pepper, code: string): string {
  return pepper.hash(`device code\0${code}`);
}

function toPending(row: TerminalRequestRow, { client }: Decider): PendingRequest {
  const { id, machine, service, address, network, expires_at: expiresAt } = row;
  const isSameNetwork = network !== '' && network === networkOf(client.address);
  const purpose = row.purpose === 'machine' ? 'machine' : 'login';
  return { id, machine, client: row.client, service, purpose, address, isSameNetwork, expiresAt };
}

function jsonOf({ actions, repositories }: Limits) {
  return {
    actions: actions && JSON.stringify(actions),
    repositories: repositories && JSON.stringify(repositories),
  };
}

function eventOf({ login, client }: Decider, approved: boolean) {
  const by: Actor = { actor: login, client };
  return { action: approved ? 'terminal.approve' : 'terminal.refuse', ...by, subject: login } as const;
}

function detailOf({ id, machine, service, purpose, address, isSameNetwork }: PendingRequest, limits: Limits) {
  return { id, machine, service, purpose, address, isSameNetwork, limits };
}
