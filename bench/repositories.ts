/** Owns the times of the store's lists over 100,000 repositories, 1,000,000 tags and 3,000,000 daily counters. */
import { openSql, openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';
import { service } from './installation.ts';

const repositories = 100_000;
const rounds = 20;
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

export async function measureLists(databaseUrl: string): Promise<void> {
  await (await openStore(databaseUrl, () => {})).close();
  const sql = await openSql(databaseUrl, () => {});
  for (const text of fillsUntil(20_029)) await sql.run(text);
  await sql.run('analyze');
  await sql.close();
  const store = await openStore(databaseUrl, () => {});
  console.log(
    '\n| over 100,000 repositories and 1,000,000 tags, SQLite | middle ms | longest ms |\n| --- | ---: | ---: |',
  );
  for (const [what, action] of Object.entries(lists(store))) {
    const times: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const begun = performance.now();
      await action(round);
      if (round > 0) times.push(performance.now() - begun);
    }
    times.sort((a, b) => a - b);
    console.log(`| ${what} | ${times[rounds / 2]?.toFixed(1)} | ${times.at(-1)?.toFixed(1)} |`);
  }
  await store.close();
}

function lists({
  repositories: all,
  repositoryTags,
  repositoryActivity,
}: Store): Record<string, (round: number) => Promise<unknown>> {
  const filter = { service, search: '', neverPulled: false, withoutTags: false };
  const first = { limit: 50, offset: 0 };
  const middle = 'team-500/app-50500';
  return {
    'a slice of 2,000 names': (round) => all.after(service, `team-${round * 40}`, 2_000, false),
    'the first page by name': () => all.list(filter, { by: 'name', descending: false }, first),
    'the last page by name': () =>
      all.list(filter, { by: 'name', descending: false }, { limit: 50, offset: repositories - 50 }),
    'the largest': () => all.list(filter, { by: 'size', descending: true }, first),
    'the most pulled': () => all.list(filter, { by: 'pulls', descending: true }, first),
    'never pulled': () => all.list({ ...filter, neverPulled: true }, { by: 'pushed', descending: false }, first),
    'how many were never pulled': () => all.count({ ...filter, neverPulled: true }),
    'a search with many hits': () =>
      all.list({ ...filter, search: 'app-77' }, { by: 'name', descending: false }, first),
    'a search with none': () => all.list({ ...filter, search: 'nothing' }, { by: 'name', descending: false }, first),
    'the tags of a repository': () => repositoryTags.latest(service, middle, first),
    'its days': () => repositoryActivity.ofRepository(service, middle, 20_000),
    'who was active there': () => repositoryActivity.actorsOf(service, middle, 20_000, 20),
    'pulls of 100 repositories counted again': (round) => all.recount(service, `team-${round * 40}`, 20_000, 100),
    'removal of 200 old counters': () => repositoryActivity.removeBefore(20_001, 200),
  };
}
