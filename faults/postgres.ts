/** The faults of a PostgreSQL that is there and does not do what it is asked: locks, limits, refusals, a standby. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createPassword, revokePassword } from '../test/support/person.ts';
import { findPostgres, type PostgresServer, startPostgres } from '../test/support/postgres.ts';
import { checkTries, createToken, prepareTries, type Try, takeActions } from './admin-tries.ts';
import { ana, askToken, type Fault, Missing, openScene, secrets } from './scene.ts';

async function openServer(stack: AsyncDisposableStack): Promise<PostgresServer> {
  if (findPostgres() === null) throw new Missing('needs PostgreSQL');
  const server = await startPostgres();
  stack.defer(() => server.stop());
  return server;
}

/** What goes wrong. `end` makes it right again. */
type Trouble = {
  readonly what: string;
  /** @param admin a connection of its own, to another database */
  begin(parts: { readonly admin: pg.Client; readonly name: string; readonly server: PostgresServer }): Promise<void>;
  end(parts: { readonly admin: pg.Client; readonly name: string; readonly server: PostgresServer }): Promise<void>;
  /** The lock that another session holds on the audit meanwhile. */
  readonly lock?: string;
};

const cut = (admin: pg.Client, name: string) =>
  admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);

/** A setting of the database counts for new connections. */
function setting(name: string, value: string): Pick<Trouble, 'begin' | 'end'> {
  return {
    async begin({ admin, name: database }) {
      await admin.query(`alter database ${database} set ${name} = '${value}'`);
      await cut(admin, database);
    },
    async end({ admin, name: database }) {
      await admin.query(`alter database ${database} reset ${name}`);
      await cut(admin, database);
    },
  };
}

const nothing = { begin: async () => {}, end: async () => {} };

const troubles: readonly Trouble[] = [
  { what: 'a lock on audit_event', ...nothing, lock: 'exclusive' },
  { what: 'lock_timeout, and a lock on audit_event', ...setting('lock_timeout', '100ms'), lock: 'share' },
  {
    what: 'idle_in_transaction_session_timeout',
    ...setting('idle_in_transaction_session_timeout', '1ms'),
  },
  {
    what: 'pg_hba.conf rejects Dockpass',
    async begin({ admin, name, server }) {
      await server.reject(name);
      await cut(admin, name);
    },
    end: ({ server }) => server.reject(null),
  },
  {
    what: 'allow_connections false',
    async begin({ admin, name }) {
      await admin.query(`alter database ${name} allow_connections false`);
      await cut(admin, name);
    },
    async end({ admin, name }) {
      await admin.query(`alter database ${name} allow_connections true`);
    },
  },
];

export const postgresTroubles: Fault = {
  name: 'postgres',
  what: 'PostgreSQL holds locks, sets limits, and lets nobody in',
  async run(scale, stack) {
    const each = scale === 'full' ? 4 : 1;
    const server = await openServer(stack);
    const url = await server.createDatabase();
    const environment = { DATABASE_URL: url, ...secrets, ADMIN_EMAILS: ana };
    const scene = await openScene(stack);
    const token = await createToken(scene, environment);
    const running = await scene.serve(environment);
    const visitor = await scene.signIn();
    const admin = new pg.Client({ connectionString: url.replace(/\/[^/?]+\?/, '/postgres?') });
    await admin.connect();
    const name = new URL(url).pathname.slice(1);
    const all: Try[] = [];
    const seen: string[] = [];
    for (const [index, { what, begin, end, lock }] of troubles.entries()) {
      const tries = await prepareTries(url, `t${index}`, each);
      await begin({ admin, name, server });
      const release = lock === undefined ? async () => {} : await holdLock(url, lock);
      // A lock is let go while they wait for it, as that of an index that is made.
      const acting = takeActions(tries, scene, { token, visitor });
      if (lock !== undefined) setTimeout(() => void release(), 1_500);
      await acting;
      await end({ admin, name, server });
      while ((await fetch(`${scene.url}/readyz`)).status !== 200);
      all.push(...tries);
      seen.push(`${what} (${tries.filter(({ outcome }) => outcome === 'refused').length} of ${tries.length} refused)`);
    }
    const { secret } = await createPassword(visitor, scene.url);
    assert.equal(await askToken(scene.url, secret ?? ''), 200);
    await admin.end();
    await running.stop();
    assert.doesNotMatch(running.output(), /audit events are (?:refused|lost)/);
    return `${seen.join(', ')}: every refusal was a 503 with Retry-After; ${await checkTries(url, all)}`;
  },
};

/** @returns what lets it go */
async function holdLock(url: string, mode: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  client.on('error', () => {}); // it is cut with all others
  await client.query('begin');
  await client.query(`lock table audit_event in ${mode} mode`);
  return () => client.end().catch(() => {});
}

export const standby: Fault = {
  name: 'standby',
  what: 'Dockpass is led to a hot standby that knows less, which is promoted later',
  async run(_scale, stack) {
    const server = await openServer(stack);
    const url = await server.createDatabase();
    const folder = mkdtempSync(join(tmpdir(), 'dockpass-socket-'));
    stack.defer(() => rmSync(folder, { recursive: true }));
    // As a name that is moved from one server to the other.
    const place = join(folder, 'current');
    const lead = (to: string): void => symlinkSync(new URL(to).searchParams.get('host') ?? '', place);
    lead(url);
    const moved = new URL(url);
    moved.searchParams.set('host', place);
    const scene = await openScene(stack);
    await scene.serve({ DATABASE_URL: moved.href, ...secrets });
    const { visitor, secret } = await scene.signInForPassword();
    const follower = await server.startStandby();
    stack.defer(() => follower.stop());
    await follower.pause();
    assert.equal((await revokePassword(visitor, scene.url))?.status, 200);
    assert.equal(await askToken(scene.url, secret), 401);

    unlinkSync(place);
    lead(follower.urlOf(url));
    await server.goAway();
    assert.equal(await askToken(scene.url, secret), 503, 'the standby does not know of the revocation');
    assert.equal((await fetch(`${scene.url}/readyz`)).status, 503);
    await follower.promote();
    while ((await fetch(`${scene.url}/readyz`)).status !== 200);
    return 'until it is promoted everything is 503, /readyz too, and no revoked password works; then it goes on without a restart';
  },
};
