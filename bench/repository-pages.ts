/**
 * Times the pages and the catalog over 100,000 repositories and 1,000,000 tags, with a policy of 1,000 rules, for someone who sees
 * all, someone who sees ten and someone whose groups are unknown; and how long anyone else waits while names are being read and
 * decided, after the start and after a change of the policy. Each should take less than 200 ms.
 */
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSql, openStore } from '../src/store/open.ts';
import { writeSession } from '../test/support/walk.ts';
import { createInstallation, service as name } from './installation.ts';
import { fillsUntil } from './repositories.ts';
import { type Service, startDockpass } from './service.ts';

const rounds = 20;
/** Milliseconds: of a page, and of anyone else's wait meanwhile. */
const limits = { page: 200, wait: 50 };
/** Milliseconds in which a policy that has changed is in force. */
const reloading = 3_000;
const sessionSecret = 'a session secret of the bench, for nobody';
const today = Math.floor(Date.now() / 86_400_000);

const fills = [
  ...fillsUntil(today),
  `insert into service_activity (service, day, action, count) select '${name}', day, 'pull', sum(count) from repository_activity group by day`,
  `insert into registry_arrival (service, first_at, last_at) values ('${name}', 1, ${Date.now()})`,
];

/** 1,000 rules of which most are about other teams. */
const policy = `acl:
${Array.from({ length: 998 }, (_, n) => `  - match: { group: "google:team-${n}", name: "team-${n}/**" }\n    actions: [push, pull]`).join('\n')}
  - match: { account: guest@elsewhere.example, name: "team-7/app-1?007" }
    actions: [pull]
  - match: { domain: example.com, type: repository }
    actions: ["*"]
`;

const base = `/repositories/${name}`;
const pages: Readonly<Record<string, string>> = {
  'all, the latest pushes first': '/repositories',
  'the last page': '/repositories?page=2000',
  'by size, in the middle': '/repositories?sort=size&page=1000',
  'by name': '/repositories?sort=name',
  'a search with many hits': '/repositories?q=app-77',
  'a search with none': '/repositories?q=nothing',
  'one repository with its tags': `${base}/team-500/app-50500`,
  'one tag': `${base}/team-500/app-50500?tag=v1`,
  'the catalog, 1,000 names': '/v2/_catalog?n=1000',
  'the catalog, its last page': '/v2/_catalog?n=1000&last=team-998',
  administration: '/admin/repositories',
  'administration, never pulled, in the middle': '/admin/repositories?page=300',
  'who can push': '/admin/repositories/who-can?repository=team-500/app-50500',
};
const firstPage = pages['all, the latest pushes first'] ?? '';
const visible = Object.keys(pages).filter((what) => !what.startsWith('administration') && !what.startsWith('who'));

type Visitor = {
  readonly what: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sees: readonly string[];
};

await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), 'dockpass-bench-repositories-'));
stack.defer(() => rm(folder, { recursive: true, force: true }));
const databaseUrl = `sqlite:${join(folder, 'dockpass.db')}`;
const { environment, basic } = await createInstallation({ folder, databaseUrl, crowd: undefined, rules: undefined });
const policyFile = join(folder, 'policy.yml');
await writeFile(policyFile, policy);
const visitors = await prepare();
const start = () =>
  startDockpass({
    env: {
      ...environment,
      NODE_COMPILE_CACHE: join(folder, 'compiled'),
      SESSION_SECRET: sessionSecret,
      ADMIN_EMAILS: 'person@example.com',
      SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN: 'a-token-of-the-bench-for-nobody-at-all',
    },
    logFile: join(folder, 'log.jsonl'),
    ask: async (url) => {
      const { status } = await fetch(`${url}/healthz`);
      if (status !== 200) throw new Error(`/healthz answered ${status}`);
    },
  });
// The first start compiles, as the first after an upgrade does.
await (await start()).stop();
const service = await start();
stack.defer(() => service.stop());
const before = service.memory();

await idle();
await measureFirst('the start, for someone whose groups are unknown', visitors.at(-1)?.headers ?? {});
for (const { what, headers, sees } of visitors) {
  console.log(`\n${what}`);
  await changePolicy();
  await measureFirst('a change of the policy', headers);
  await changePolicy();
  const longest = await longestWait(service, () => ask(firstPage, headers));
  console.log(`Meanwhile anyone else waits ${longest.toFixed(0)} ms at most.`);
  if (longest > limits.wait) process.exitCode = 1;
  console.log('\n| page | median ms | processor ms |\n| --- | ---: | ---: |');
  for (const page of sees) await measure(page, headers);
}
console.log(`\nMemory: ${before} MB after the start, ${service.memory()} MB now.`);

async function prepare(): Promise<Visitor[]> {
  const sql = await openSql(databaseUrl, () => {});
  for (const text of fills) await sql.run(text);
  await sql.run('analyze');
  await sql.close();
  const store = await openStore(databaseUrl, () => {});
  const person = { provider: 'google', issuer: 'https://accounts.google.com', displayName: 'A Guest' };
  const signIn = (id: string, domain: string, groups: string[] | null) => {
    const login = `${id}@${domain}`;
    return store.accounts.signIn({ ...person, id, subject: id, login, email: login, domain, groups, at: Date.now() });
  };
  await signIn('guest', 'elsewhere.example', []);
  await signIn('unknown', 'example.com', null);
  const cookieOf = (id: string) => writeSession(store, sessionSecret, id, Date.now());
  const authorization = `Basic ${basic}`;
  const all = { cookie: await cookieOf('person'), authorization };
  const ten = { cookie: await cookieOf('guest') };
  const unknown = { cookie: await cookieOf('unknown') };
  await store.close();
  return [
    { what: 'Someone who sees all', headers: all, sees: Object.keys(pages) },
    { what: 'Someone who sees ten', headers: ten, sees: visible.filter((one) => !/catalog|one /.test(one)) },
    { what: 'Someone whose groups are unknown', headers: unknown, sees: visible.filter((one) => !/catalog/.test(one)) },
  ];
}

async function ask(path: string, headers: Visitor['headers']): Promise<void> {
  const response = await fetch(service.url + path, {
    headers: { accept: 'text/html', ...headers },
    redirect: 'manual',
  });
  await response.text();
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}`);
}

/** The page that decides everything again. */
async function measureFirst(after: string, headers: Visitor['headers']): Promise<void> {
  const begun = performance.now();
  const used = service.processorTime();
  await ask(firstPage, headers);
  const processor = (service.processorTime() - used) * 1000;
  const took = performance.now() - begun;
  const isSlow = processor > limits.page;
  console.log(
    `The first page after ${after}: ${took.toFixed(0)} ms, ${processor.toFixed(0)} of the processor${isSlow ? ' (too slow)' : ''}.`,
  );
  if (isSlow) process.exitCode = 1;
}

/** Until it's in force. */
async function changePolicy(): Promise<void> {
  await appendFile(policyFile, '# another policy\n');
  await sleep(reloading);
  await idle();
}

/** Resolves once nothing runs in the background: after its start the service counts the pulls of all repositories again. */
async function idle(): Promise<void> {
  for (let last = 0; ; ) {
    const used = service.processorTime();
    if (used - last < 0.02) return;
    last = used;
    await sleep(500);
  }
}

async function measure(what: string, headers: Visitor['headers']): Promise<void> {
  const times: number[] = [];
  let used = 0;
  for (let round = 0; round <= rounds; round++) {
    if (round === 1) used = service.processorTime();
    const begun = performance.now();
    await ask(pages[what] ?? '', headers);
    if (round > 0) times.push(performance.now() - begun);
  }
  const processor = ((service.processorTime() - used) / rounds) * 1000;
  const median = times.toSorted((a, b) => a - b)[rounds / 2] ?? Number.NaN;
  const isSlow = processor > limits.page;
  console.log(`| ${what} | ${median.toFixed(0)} | ${processor.toFixed(0)}${isSlow ? ' (too slow)' : ''} |`);
  if (isSlow) process.exitCode = 1;
}

/** How long the shortest request takes while something else is under way: what the event loop is held up. */
async function longestWait(at: Service, work: () => Promise<void>): Promise<number> {
  const working = { isDone: false };
  const done = work().finally(() => {
    working.isDone = true;
  });
  let longest = 0;
  while (!working.isDone) {
    const asked = performance.now();
    await (await fetch(`${at.url}/healthz`)).text();
    longest = Math.max(longest, performance.now() - asked);
    await sleep(1);
  }
  await done;
  return longest;
}
