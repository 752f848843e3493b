/** Times the pages of a large installation: 100,000 people who hold 300,000 passwords. Each should take less than 200 ms of the processor. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSql } from '../src/store/open.ts';
import { createInstallation } from './installation.ts';
import { type Service, startDockpass } from './service.ts';

const people = 100_000;
const rounds = 20;
/** Milliseconds. */
const limit = 200;
const sessionSecret = 'a session secret of the bench, for nobody';

const pages: Readonly<Record<string, string>> = {
  'one’s own passwords': '/',
  'one’s own access': '/access?repository=team/app',
  people: '/admin/people',
  'the last page of people': '/admin/people?page=2001',
  'by the last sign-in': '/admin/people?sort=signed-in&page=1000',
  'a search with one hit': '/admin/people?q=person+77777',
  'a search with many hits': '/admin/people?q=person+7',
  'a search with none': '/admin/people?q=nobody-of-this-name',
  'of one domain': '/admin/people?domain=d7.example.org',
  'of one group': '/admin/people?group=google:team-7@example.com',
  'a person': '/admin/people/crowd-77777',
  'the preview of 3,000 passwords': '/admin/revocations/new?domain=d7.example.org',
  robots: '/admin/robots',
  'the audit of 300,000 events': '/admin/audit',
  'the audit of one person': '/admin/audit?person=crowd-77777@example.com',
  explain: '/admin/explain?who=crowd-77777@example.com&scope=repository:team/app:pull',
};

/** Names, domains and sign-ins that differ, and an event for each password. */
async function giveFaces(databaseUrl: string): Promise<void> {
  const sql = await openSql(databaseUrl, () => {});
  const number = 'cast(substr(id, 7) as integer)';
  try {
    await sql.run(
      `update account set display_name = 'Person ' || substr(id, 7), domain = 'd' || (${number} % 100) || '.example.org',
         search_text = login || ' person ' || substr(id, 7), signed_in_at = created_at - ${number} * 1000,
         groups_json = '["google:all@example.com","google:team-' || (${number} % 500) || '@example.com","google:floor-' ||
           (${number} % 70) || '@example.com","google:building-' || (${number} % 13) || '@example.com"]'
       where id like 'crowd-%'`,
    );
    await sql.run(
      `insert into audit_event (id, at, action, actor, subject, detail_json)
       select 'e' || p.id, p.created_at, 'password.create', a.login, a.login, '{}'
       from app_password p join account a on a.id = p.account_id`,
    );
    await sql.run('analyze');
  } finally {
    await sql.close();
  }
}

/** Signs the measured person in as the sign-in would. @returns the Cookie header */
async function signIn(databaseUrl: string): Promise<string> {
  const id = randomBytes(24).toString('base64url');
  const hash = createHash('sha256').update(id).digest('base64url');
  const user = { accountId: 'person', signedInAt: Date.now(), providerSession: null };
  const cookie = { originalMaxAge: null, httpOnly: true, path: '/', sameSite: 'lax' };
  const sql = await openSql(databaseUrl, () => {});
  const values = [hash, 'person', JSON.stringify({ cookie, passport: { user } }), Date.now() + 3_600_000];
  await sql.run('insert into web_session (id, account_id, data, expires_at) values ($1, $2, $3, $4)', values);
  await sql.close();
  const signature = createHmac('sha256', sessionSecret).update(id).digest('base64').replace(/=+$/, '');
  return `dockpass=${encodeURIComponent(`s:${id}.${signature}`)}`;
}

/** Milliseconds: the middle of the rounds after one that is not counted, and the processor time that a page takes. */
async function time(service: Service, path: string, cookie: string): Promise<{ middle: number; processor: number }> {
  const url = service.url + path;
  const times: number[] = [];
  let before = 0;
  for (let round = 0; round <= rounds; round++) {
    const begun = performance.now();
    const response = await fetch(url, { headers: { cookie, accept: 'text/html' }, redirect: 'manual' });
    await response.text();
    if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
    if (round > 0) times.push(performance.now() - begun);
    else before = service.processorTime();
  }
  const middle = times.toSorted((a, b) => a - b)[rounds / 2] ?? Number.NaN;
  return { middle, processor: ((service.processorTime() - before) / rounds) * 1000 };
}

await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), 'dockpass-bench-pages-'));
stack.defer(() => rm(folder, { recursive: true, force: true }));
const databaseUrl = `sqlite:${join(folder, 'dockpass.db')}`;
const crowd = { crowd: people, passwordsEach: 3, rules: undefined };
const { environment } = await createInstallation({ folder, databaseUrl, ...crowd });
await giveFaces(databaseUrl);
const cookie = await signIn(databaseUrl);
const service = await startDockpass({
  env: { ...environment, SESSION_SECRET: sessionSecret, ADMIN_EMAILS: 'person@example.com' },
  logFile: join(folder, 'log.jsonl'),
  ask: async (url) => {
    const { status } = await fetch(`${url}/healthz`);
    if (status !== 200) throw new Error(`/healthz answered ${status}`);
  },
});
stack.defer(() => service.stop());

console.log('| page | median ms | processor ms |\n| --- | ---: | ---: |');
for (const [name, path] of Object.entries(pages)) {
  const { middle, processor } = await time(service, path, cookie);
  // What other programs take of the machine is in the median, and not in this.
  const isSlow = processor > limit;
  console.log(`| ${name} | ${middle.toFixed(0)} | ${processor.toFixed(0)}${isSlow ? ' (too slow)' : ''} |`);
  if (isSlow) process.exitCode = 1;
}
