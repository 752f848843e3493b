/** Owns the times of lists and upkeep over 100,000 repositories, 1,000,000 tags and 3,000,000 daily counters. */
import { randomUUID } from 'node:crypto';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { dayNumber } from '../src/lib/time.ts';
import type { ReadEvent } from '../src/repositories/events.ts';
import { neverPulledOf, overviewOf } from '../src/repositories/overview.ts';
import { createEventRecorder, type EventRecorder } from '../src/repositories/recorder.ts';
import { openSql, openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';
import { service } from './installation.ts';

const repositories = 100_000;
const rounds = 10;
const today = dayNumber(Date.now());
const name = "'team-' || (n % 1000) || '/app-' || n";

const numbers = (count: number) =>
  `with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < ${count - 1})`;

/** The statements that make them. @param lastDay of the counters, which cover 30: days since 1970-01-01 */
export const fillsUntil = (lastDay: number): readonly string[] => [
  `${numbers(repositories)} insert into repository (service, name, first_seen_at, heard_at, pushed_at, pulled_at, tags, layers, size, recent_pulls)
   select '${service}', ${name}, 1, 1, n, case when n % 3 = 0 then null else n end, 10, 5, (n * 7919) % 1000000007, (n * 31) % 1009 from numbers`,
  `${numbers(repositories * 10)} insert into repository_tag (service, repository, tag, digest, at, heard_at, pushed_at)
   select '${service}', ${name.replaceAll('n %', '(n / 10) %').replace('|| n', '|| (n / 10)')}, 'v' || (n % 10), 'sha256:' || n, n, 1, n from numbers`,
  `${numbers(repositories * 30)} insert into repository_activity (service, repository, day, actor, action, count)
   select '${service}', ${name.replaceAll('n %', '(n / 30) %').replace('|| n', '|| (n / 30)')}, ${lastDay - 29} + n % 30, 'a' || (n % 50), 'pull', 1 + n % 5 from numbers`,
];

/** Milliseconds of the processor that nothing takes at a time: everyone else waits meanwhile. */
const longestSlice = 50;

export async function measureLists(databaseUrl: string): Promise<void> {
  await (await openStore(databaseUrl, () => {})).close();
  const sql = await openSql(databaseUrl, () => {});
  for (const text of fillsUntil(today)) await sql.run(text);
  await sql.run('analyze');
  await sql.close();
  const store = await openStore(databaseUrl, () => {});
  const recorder = createEventRecorder({
    ...{ store: store.registryEvents, now: Date.now, isStaticUser: () => false, onEvent() {} },
    onError: ({ error }) => console.error(error),
  });
  console.log(
    '\n| over 100,000 repositories and 1,000,000 tags, SQLite | middle ms | longest slice, ms of the processor |\n| --- | ---: | ---: |',
  );
  for (const [what, prepare] of Object.entries({ ...lists(store), ...work(store, recorder) })) {
    const times: number[] = [];
    let longest = 0;
    for (let round = 0; round <= rounds; round++) {
      const action = prepare(round);
      const begun = performance.now();
      const slice = await longestSliceOf(action);
      if (round === 0) continue;
      times.push(performance.now() - begun);
      longest = Math.max(longest, slice);
    }
    const isTooLong = longest > longestSlice;
    console.log(`| ${what} | ${middle(times)} | ${longest.toFixed(1)}${isTooLong ? ' (too long)' : ''} |`);
    if (isTooLong) process.exitCode = 1;
  }
  await recorder.close();
  await store.close();
}

function middle(times: readonly number[]): string {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]?.toFixed(1) ?? '';
}

/** Milliseconds of the processor that this thread takes for some work in one iteration of the event loop, at most. */
async function longestSliceOf(action: () => Promise<unknown>): Promise<number> {
  const now = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  let longest = 0;
  let isDone = false;
  let before = now();
  const looking = new Promise<void>((resolve) => {
    const look = () => {
      longest = Math.max(longest, now() - before);
      if (isDone) return resolve();
      before = now();
      setImmediate(look);
    };
    setImmediate(look);
  });
  await action();
  isDone = true;
  await looking;
  return longest;
}

/** @returns what is timed */
type Prepare = (round: number) => () => Promise<unknown>;

function lists(store: Store): Record<string, Prepare> {
  const { repositories: all, repositoryTags, repositoryActivity } = store;
  const filter = { service, search: '', neverPulled: false, withoutTags: false };
  const first = { limit: 50, offset: 0 };
  const last = { limit: 50, offset: repositories - 50 };
  const byName = { by: 'name', descending: false } as const;
  const middleOne = 'team-500/app-50500';
  const parts = { store, now: Date.now };
  const actions: Record<string, () => Promise<unknown>> = {
    'the first page by name': () => all.list(filter, byName, first),
    'the last page by name': () => all.list(filter, byName, last),
    'the last page by name, of all services': () => all.list({ ...filter, service: null }, byName, last),
    'the last page by size': () => all.list(filter, { by: 'size', descending: true }, last),
    'the last page by push': () => all.list(filter, { by: 'pushed', descending: true }, last),
    'how many there are': () => all.count(filter),
    'a search with many hits': () => all.list({ ...filter, search: 'app-77' }, byName, first),
    'a search with none': () => all.list({ ...filter, search: 'nothing' }, byName, first),
    "administrators' overview": () => overviewOf(parts, service),
    'never pulled, in the middle': () => neverPulledOf(parts, service, 300),
    'the tags of a repository': () => repositoryTags.latest(service, middleOne, first),
    'its days': () => repositoryActivity.ofRepository(service, middleOne, 20_000),
    'who was active there': () => repositoryActivity.actorsOf(service, middleOne, 20_000, 20),
  };
  return Object.fromEntries(Object.entries(actions).map(([what, action]) => [what, () => action]));
}

/** What happens by itself, and what a registry sends. */
function work(store: Store, recorder: EventRecorder): Record<string, Prepare> {
  const { repositories: all, repositoryActivity, repositoryTags } = store;
  const tags = (count: number) => Array.from({ length: count }, (_, at) => `v${at}`);
  const requests = (count: number, event: (at: number) => ReadEvent) => {
    const made = Array.from({ length: count }, (_, request) =>
      Array.from({ length: 100 }, (__, at) => event(request * 100 + at)),
    );
    return async () => {
      for (const events of made) {
        await recorder.record(service, events);
        await yieldToOthers();
      }
      await recorder.flush();
    };
  };
  return {
    '2,000 pulls of as many repositories, merged and written': (round) => requests(20, (at) => pullEvent(round, at)),
    '1,000 pushes with ten layers, 100 a request': (round) => requests(10, (at) => pushEvent(round, at, 10)),
    '100 pushes with 500 layers in a request': (round) => requests(1, (at) => pushEvent(round + 100, at, 500)),
    'pulls of 100 repositories counted again': (round) => () =>
      all.recount(service, `team-${round * 40}`, today - 29, 100),
    'removal of 200 old counters': () => () => repositoryActivity.removeBefore(today - 27, 200),
    'deleted tags forgotten': () => () => repositoryTags.forgetDeleted(Date.now() + 1, 2_000),
    'the removal of 100 tags by a sync': (round) => () =>
      store.repositorySyncs.removeTags(service, `team-${round}/app-${round}`, tags(100), Date.now() + 1, Date.now()),
    'the removal of a repository by a sync': (round) => () =>
      store.repositorySyncs.removeRepository(service, `team-${round + 1}/app-${round + 1}`, Date.now() + 1),
  };
}

const numberOf = (round: number, at: number) => (round * 7_919 + at * 13) % repositories;
const digestOf = (text: string) => `sha256:${Buffer.from(text).toString('hex').padEnd(64, '0')}`;

function commonOf(round: number, at: number) {
  const n = numberOf(round, at);
  return {
    ...{ id: randomUUID(), repository: `team-${n % 1_000}/app-${n}`, tag: 'latest', at: Date.now(), day: today },
    login: `ci:github:acme/app-${at % 500}`,
  };
}

function pullEvent(round: number, at: number): ReadEvent {
  return { action: 'pull', read: { ...commonOf(round, at), action: 'pull', digest: digestOf('m') } };
}

function pushEvent(round: number, at: number, layers: number): ReadEvent {
  const descriptors = Array.from({ length: layers }, (_, layer) => ({
    ...{ mediaType: '', size: 1_000, platform: null, artifactType: null },
    digest: digestOf(`${at}.${layer}.${round}`),
  }));
  const push = { digest: digestOf(`m${round}.${at}`), mediaType: null, layers: descriptors, children: [] };
  return { action: 'push', read: { ...commonOf(round, at), ...push, action: 'push' } };
}
