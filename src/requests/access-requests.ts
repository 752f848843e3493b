/** Owns access requests: who can ask for what, how they're answered, and when the policy grants them. Nothing here grants anything. */
import { randomBytes } from 'node:crypto';
import type { Actor, Audit } from '../audit/audit.ts';
import { type DenialLog, deciderOf } from '../audit/denials.ts';
import type { Identity } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import { type Page, pageOf } from '../lib/paging.ts';
import { day } from '../lib/time.ts';
import type { Policy } from '../policy/acl.ts';
import { type Decision, decide } from '../policy/decide.ts';
import { isRepositoryName } from '../repositories/names.ts';
import type { AccessRequestRow, AccessRequestStore, ListedRequestRow } from '../store/access-requests.ts';
import type { Account, AccountStore } from '../store/accounts.ts';
import { storable } from '../store/sql.ts';
import { type AccessRequest, isOpen, type ListedRequest, listedOf, requestOf } from './access-request.ts';
import { type Others, type Suggestion, suggestRule } from './suggested-rule.ts';

export type RequestPage = Pick<Page, 'page' | 'pages'> & {
  /** The oldest first. */
  readonly requests: readonly ListedRequest[];
  readonly total: number;
};

/** What someone could ask for on a repository. */
export type Missing = { readonly actions: readonly string[]; readonly address: string };

export type GivenAnswer = {
  readonly answer: string;
  readonly note: string;
  /** When the answer was given that the page showed, 0 for none; left out: this one takes the place of any. */
  readonly seen?: number;
};

export type AccessRequests = {
  /** What the person was denied on this repository and the policy in force doesn't grant; `null`: nothing to ask for. */
  missing(person: Account, service: string, repository: string): Promise<Missing | null>;
  /** @throws {Refusal} `conflict` where there was no such denial, or a request is open or was refused recently */
  ask(person: Account, service: string, repository: string, note: string, by: Actor): Promise<void>;
  /** Takes back one's own. @throws {Refusal} `not_found` where they have no such request; `conflict` where it is closed */
  withdraw(person: Account, id: string, by: Actor): Promise<void>;
  /** The newest first. */
  ofPerson(person: Account): Promise<AccessRequest[]>;
  /** Open ones first, at most 200, then the latest 50 that are closed. */
  list(): Promise<ListedRequest[]>;
  /** How many rows the pages of open ones have: also those that the policy grants, until that is recorded. */
  countOpen(): Promise<number>;
  /** The open ones, 20 a page. */
  openPage(page: number): Promise<RequestPage>;
  /** The latest 50. */
  closed(): Promise<ListedRequest[]>;
  /**
   * @param byId the account of who answers; `null` for the command line
   * @throws {Refusal} `not_found`; `denied` for one's own; `conflict` where it is closed, or has another answer than was seen
   */
  answer(id: string, answer: GivenAnswer, by: Actor, byId: string | null): Promise<ListedRequest>;
  /** Lines for the policy that grant an open request and change nothing else, as the engine says. */
  suggest(id: string): Promise<Suggestion>;
  /** Closes every open request that the policy in force grants. Nothing that only reads does: it shows these as granted. */
  settle(): Promise<void>;
};

export type AccessRequestParts = {
  readonly store: AccessRequestStore;
  readonly accounts: Pick<AccountStore, 'byId'>;
  readonly denials: Pick<DenialLog, 'ofAccount'>;
  readonly policy: () => Policy;
  /** Who the person is to the policy now. */
  readonly identityOf: (account: Account) => Identity;
  /** People and repositories of a service that are known, for which suggested lines are tried, too. */
  readonly others: (service: string) => Promise<Others>;
  readonly audit: Audit;
  readonly now: () => number;
};

/** Says the same whether there is such a repository or not. */
export const notMissing = 'You can ask only for what you were denied recently and still don’t have. See My access.';
const closedAlready = 'This request is closed';
/** What can be asked for. */
export const requestable = ['delete', 'pull', 'push'] as const;
export const maximumNote = 500;
const maximumOpen = 5;
const maximumWithdrawn = 5;
const afterRefusal = 7 * day;
/** Withdrawals of that time count: without a limit, asking and withdrawing in turns would flood those who get the events. */
const afterWithdrawal = day;
const maximumListed = 200;
const closedListed = 50;
/** For each, the engine tries lines. */
const pageSize = 20;

export function createAccessRequests(parts: AccessRequestParts): AccessRequests {
  return {
    missing: (person, service, repository) => missing(parts, person, service, repository),
    ask: (person, service, repository, note, by) => ask(parts, person, { service, repository, note }, by),
    withdraw: (person, id, by) => withdraw(parts, person, id, by),
    ofPerson: async (person) => {
      const rows = await parts.store.ofAccount(person.id);
      return rows.map((row) => requestOf(row, isGranted(parts, row, person)));
    },
    list: () => list(parts),
    countOpen: () => parts.store.countOpen(),
    openPage: (page) => openPage(parts, page),
    closed: async () => (await parts.store.closed(closedListed)).map((row) => listedOf(row, false)),
    answer: (id, given, by, byId) => answer(parts, id, given, by, byId),
    suggest: (id) => suggest(parts, id),
    settle: () => settle(parts),
  };
}

async function list(parts: AccessRequestParts): Promise<ListedRequest[]> {
  const [open, closed] = await Promise.all([parts.store.open(maximumListed), parts.store.closed(closedListed)]);
  const byState = Map.groupBy(await listedNow(parts, open), isOpen);
  return [...(byState.get(true) ?? []), ...(byState.get(false) ?? []), ...closed.map((row) => listedOf(row, false))];
}

async function openPage(parts: AccessRequestParts, wanted: number): Promise<RequestPage> {
  const total = await parts.store.countOpen();
  const { page, pages, offset } = pageOf(total, pageSize, wanted);
  const rows = await parts.store.openPage(pageSize, offset);
  return { requests: await listedNow(parts, rows), total, page, pages };
}

/** With what the policy grants by now. */
function listedNow(parts: AccessRequestParts, rows: readonly ListedRequestRow[]): Promise<ListedRequest[]> {
  const listed = rows.map(async (row) => {
    const account = await parts.accounts.byId(row.account_id);
    return listedOf(row, account !== undefined && isGranted(parts, row, account));
  });
  return Promise.all(listed);
}

async function missing(parts: AccessRequestParts, person: Account, service: string, name: string) {
  if (!isRepositoryName(name)) return null;
  const identity = parts.identityOf(person);
  const denials = (await parts.denials.ofAccount(person.id)).filter(
    (denial) => denial.type === 'repository' && denial.service === service && denial.name === name,
  );
  const [latest] = denials;
  if (latest === undefined) return null;
  const decision = decideOn(parts, identity, { service, name, address: latest.address });
  const actions = requestable.filter(
    (action) => denials.some((denial) => denial.action === action) && deciderOf(decision, action) === 'policy',
  );
  return actions.length === 0 ? null : { actions, address: latest.address };
}

type Place = { readonly service: string; readonly name: string; readonly address: string };

function decideOn({ policy }: AccessRequestParts, identity: Identity, { service, name, address }: Place): Decision {
  return decide(policy(), identity, { type: 'repository', name, actions: requestable }, { service, address });
}

type Wish = { readonly service: string; readonly repository: string; readonly note: string };

async function ask(parts: AccessRequestParts, person: Account, wish: Wish, by: Actor): Promise<void> {
  const { store, audit, now } = parts;
  const { service, repository } = wish;
  if (wish.note.length > maximumNote) {
    throw new Refusal('bad_request', `The reason can have ${maximumNote} characters. Shorten it.`, { field: 'note' });
  }
  const found = await missing(parts, person, service, repository);
  if (found === null) {
    throw new Refusal('conflict', notMissing);
  }
  await settleOwn(parts, person);
  const at = now();
  const request = {
    ...{ id: randomBytes(9).toString('base64url'), account_id: person.id, service, name: repository },
    ...{ actions: found.actions.join(' '), note: storable(wish.note), address: found.address, created_at: at },
  };
  const detail = { service, actions: found.actions, id: request.id };
  const since = { refusedSince: at - afterRefusal, withdrawnSince: at - afterWithdrawal };
  const isStored = await audit.commit(
    { action: 'request.create', ...by, subject: person.login, repository, detail },
    (row) => store.add(request, { open: maximumOpen, withdrawn: maximumWithdrawn, ...since }, row),
  );
  if (!isStored) throw await whyNot(parts, person, wish);
}

async function whyNot(
  { store, now }: AccessRequestParts,
  person: Account,
  { service, repository }: Wish,
): Promise<Refusal> {
  const own = await store.ofAccount(person.id);
  const same = own.filter((row) => row.service === service && row.name === repository);
  if (same.some((row) => row.closed_at === null)) {
    return new Refusal('conflict', 'You have asked for this repository already. Your requests show the answer.');
  }
  if (own.filter((row) => row.closed_at === null).length >= maximumOpen) {
    return new Refusal(
      'conflict',
      `You have ${maximumOpen} open requests. Withdraw one, or ask again once one is answered.`,
    );
  }
  const withdrawnSince = now() - afterWithdrawal;
  if (own.filter((row) => (row.withdrawn_at ?? 0) > withdrawnSince).length >= maximumWithdrawn) {
    return new Refusal('conflict', `You withdrew ${maximumWithdrawn} requests within a day. Ask again tomorrow.`);
  }
  return new Refusal('conflict', 'This was refused less than seven days ago. Ask again later.');
}

async function withdraw(parts: AccessRequestParts, person: Account, id: string, by: Actor): Promise<void> {
  const { store, audit, now } = parts;
  await settleOwn(parts, person);
  const request = await store.byId(id);
  if (request === undefined || request.account_id !== person.id) {
    throw new Refusal('not_found', 'You have no such request. My requests lists yours.');
  }
  const detail = { service: request.service, actions: request.actions.split(' '), id };
  const isStored = await audit.commit(
    { action: 'request.withdraw', ...by, subject: person.login, repository: request.name, detail },
    (row) => store.withdraw(id, { accountId: person.id, at: now() }, row),
  );
  if (!isStored) throw new Refusal('conflict', `${closedAlready}. Nothing was changed.`);
}

async function answer(
  parts: AccessRequestParts,
  id: string,
  { answer: given, note, seen = null }: Omit<GivenAnswer, 'seen'> & { readonly seen?: number | null },
  by: Actor,
  byId: string | null,
): Promise<ListedRequest> {
  const { store, audit, now } = parts;
  if (given !== 'accept' && given !== 'refuse') {
    throw new Refusal('bad_request', 'The answer must be accept or refuse.', { field: 'answer' });
  }
  if (note.length > maximumNote) {
    throw new Refusal('bad_request', `The note can have ${maximumNote} characters. Shorten it.`, { field: 'note' });
  }
  const request = await found(parts, id);
  if (request.account_id === byId) {
    throw new Refusal('denied', 'Another administrator has to answer your own request.');
  }
  await closeIfGranted(parts, request);
  const detail = { service: request.service, actions: request.actions.split(' '), answer: given, note, id };
  const isStored = await audit.commit(
    { action: 'request.answer', ...by, subject: request.login, repository: request.name, detail },
    (row) => store.answer(id, { answer: given, note: storable(note), by: by.actor, byId, at: now(), seen }, row),
  );
  const after = await found(parts, id);
  if (isStored) return listedOf(after, false);
  throw new Refusal('conflict', `${whyUnanswered(after)}. Nothing was changed.`);
}

function whyUnanswered({ withdrawn_at: withdrawn, closed_at: closed, answered_by: by }: AccessRequestRow): string {
  if (withdrawn !== null) return 'The person has withdrawn this request';
  return closed === null ? `${by} answered this request meanwhile` : closedAlready;
}

/** @throws {Refusal} `not_found` */
async function found({ store }: AccessRequestParts, id: string): Promise<ListedRequestRow> {
  const request = await store.byId(id);
  if (request !== undefined) return request;
  throw new Refusal('not_found', 'That request doesn’t exist any more. Perhaps its account was removed.');
}

async function suggest(parts: AccessRequestParts, id: string): Promise<Suggestion> {
  const { service, name, actions, address, account_id: accountId } = await found(parts, id);
  const account = await parts.accounts.byId(accountId);
  if (account === undefined) throw new Refusal('not_found', 'The account of this request is gone.');
  const wanted = { service, name, actions: actions.split(' '), address, id };
  return suggestRule(parts.policy(), parts.identityOf(account), wanted, await parts.others(service));
}

async function settle(parts: AccessRequestParts): Promise<void> {
  for (let last = await settlePage(parts); last !== undefined; ) last = await settlePage(parts, last);
}

/** @returns the last one of a page that is full */
async function settlePage(parts: AccessRequestParts, after?: AccessRequestRow): Promise<AccessRequestRow | undefined> {
  const rows = await parts.store.open(maximumListed, after);
  for (const row of rows) await closeIfGranted(parts, row);
  return rows.length < maximumListed ? undefined : rows.at(-1);
}

/** What the policy grants by now counts toward no limit. */
async function settleOwn(parts: AccessRequestParts, person: Account): Promise<void> {
  for (const row of await parts.store.ofAccount(person.id)) await closeIfGranted(parts, row);
}

async function closeIfGranted(parts: AccessRequestParts, row: AccessRequestRow): Promise<void> {
  if (row.closed_at !== null) return;
  const account = await parts.accounts.byId(row.account_id);
  if (account !== undefined && isGranted(parts, row, account)) await parts.store.markGranted(row.id, parts.now());
}

/** Of an open one. Where groups are unknown the policy grants what every answer does, so that closes nothing too early. */
function isGranted(parts: AccessRequestParts, row: AccessRequestRow, person: Account): boolean {
  if (row.closed_at !== null) return false;
  const { granted } = decideOn(parts, parts.identityOf(person), row);
  return row.actions.split(' ').every((action) => granted.includes(action));
}
