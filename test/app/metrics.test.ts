/** The metrics as Prometheus reads them from a running service, while its database is away, and of workers together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReadings, type Readings } from '../../src/app/metric-readings.ts';
import { createMetrics } from '../../src/app/metrics.ts';
import { createUnstoredRecords } from '../../src/lib/unstored.ts';
import type { Store } from '../../src/store/store.ts';
import { collectLog } from '../support/collected-log.ts';
import { createInstallation } from '../support/installation.ts';

test('a service counts its answers, passwords, keys and warnings, on a listener of its own', async (t) => {
  const installation = createInstallation();
  t.after(() => installation.remove());
  const server = await installation.serve({ METRICS_LISTEN: '127.0.0.1:0', ADMIN_EMAILS: 'root@example.com' });
  t.after(() => server.stop());
  const port = /"port":(\d+).*"metrics"/.exec(server.output())?.[1];
  await installation.addPerson('ana@example.com');
  const { output } = await installation.run(['password', 'create', 'ana@example.com', '--name', 'x', '--days', '3']);
  const secret = /dkp_\w+/.exec(output)?.[0] ?? '';
  for (const password of [secret, 'wrong']) {
    const authorization = `Basic ${Buffer.from(`ana@example.com:${password}`).toString('base64')}`;
    const target = `${server.url}/auth?service=registry.example.com&scope=repository:x:pull`;
    await fetch(target, { headers: { authorization } });
  }
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text());
  assert.match(text, /^dockpass_token_requests_total\{service="registry.example.com",outcome="issued"\} 1$/m);
  assert.match(text, /^dockpass_token_requests_total\{service="registry.example.com",outcome="unauthenticated"\} 1$/m);
  assert.match(text, /^dockpass_token_request_duration_seconds_count\{outcome="issued"\} 1$/m);
  assert.match(text, /^dockpass_passwords\{state="active"\} 1$/m);
  assert.match(text, /^dockpass_passwords_expiring\{days="1"\} 0$/m);
  assert.match(text, /^dockpass_passwords_expiring\{days="7"\} 1$/m);
  assert.match(text, /^dockpass_passwords_expiring\{days="14"\} 1$/m);
  assert.match(text, /^dockpass_token_scopes_total\{service="registry.example.com",granted="all"\} 1$/m);
  assert.match(text, /^dockpass_database_up 1$/m);
  assert.match(text, /^dockpass_signing_key_age_seconds\{ring=""\} [\d.]+$/m);
  const [, end = ''] = /^dockpass_signing_certificate_expiry_timestamp_seconds\{ring=""\} (\d+)$/m.exec(text) ?? [];
  assert.ok(Math.abs(Number(end) - Date.now() / 1000 - 3_650 * 86_400) < 600, 'ten years from now');
  assert.match(text, /^dockpass_warnings 0$/m);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
  assert.equal((await fetch(`${server.url}/metrics`, { redirect: 'manual' })).status, 404, 'not where the public is');
});

test('workers show what they did together, whichever of them did it', async (t) => {
  const installation = createInstallation();
  t.after(() => installation.remove());
  const server = await installation.serve({ METRICS_LISTEN: '127.0.0.1:0', WORKERS: '2' });
  t.after(() => server.stop());
  const port = /"port":(\d+).*"metrics"/.exec(server.output())?.[1];
  await server.says(/"listening"[\s\S]*"listening"/);
  const auth = `${server.url}/auth?service=registry.example.com&scope=repository:x:pull`;
  for (let request = 0; request < 8; request++) await fetch(auth, { headers: { connection: 'close' } });
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text());
  assert.match(text, /^dockpass_token_requests_total\{service="registry.example.com",outcome="issued"\} 8$/m);
  assert.match(text, /^dockpass_database_up 1$/m);
  assert.match(text, /^dockpass_passwords\{state="active"\} 0$/m);
});

const readings: Readings = {
  isDatabaseUp: async () => true,
  passwords: async () => ({ active: 1, expired: 0, revoked: 0 }),
  expiring: async () => [],
  oldest: async () => ({ confirmation: 60, groups: null }),
  unchecked: async () => [{ provider: 'keycloak', people: 3 }],
  notifications: async () => [{ channel: 'mail', state: 'failed', messages: 2 }],
  failing: () => [],
  signingKeys: () => [],
  lostRecords: () => [],
  registryEvents: async () => [{ service: 'registry.example.com', lastAt: 1_700_000_000 }],
  lastBackup: async () => 1_700_000_000,
  warnings: () => [],
};

test('what cannot be found out is left out, and the rest is shown all the same', async () => {
  const nothing = async () => null;
  const away = {
    isDatabaseUp: async () => false,
    passwords: nothing,
    expiring: nothing,
    oldest: nothing,
    unchecked: nothing,
    notifications: nothing,
    failing: () => [],
    registryEvents: nothing,
    lastBackup: nothing,
  };
  const { text } = await createMetrics({ ...readings, ...away, warnings: () => ['x'] }).read();
  assert.match(text, /^dockpass_database_up 0$/m);
  assert.doesNotMatch(text, /^dockpass_passwords\{/m);
  assert.doesNotMatch(text, /^dockpass_last_backup/m);
  assert.match(text, /^dockpass_warnings 1$/m);
});

test('a database that is away, or hangs, delays no scrape; known values are not asked again immediately', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let asked = 0;
  let at = 0;
  const ends = { confirmation: null, groups: null, last: null };
  const counts = async () => {
    asked++;
    if (at === 0) throw new Error('away');
    return at > 100_000 ? new Promise<never>(() => {}) : { active: 1, expired: 0, revoked: 0 };
  };
  const hanging = createReadings({
    store: {
      check: () => new Promise(() => {}),
      passwords: { counts, countExpiring: async () => 1 },
      accounts: { oldest: async () => ends },
    } as unknown as Store,
    dataFolder: '/nowhere',
    now: () => at,
  });
  const up = hanging.isDatabaseUp();
  t.mock.timers.tick(2_000);
  assert.equal(await up, false);
  assert.equal(await hanging.passwords(), null);
  at = 1_000;
  assert.equal((await Promise.all([hanging.passwords(), hanging.passwords()]))[1]?.active, 1);
  at = 30_000;
  assert.equal((await hanging.passwords())?.active, 1);
  assert.equal(asked, 2);
  at = 200_000;
  const late = hanging.passwords();
  t.mock.timers.tick(2_000);
  assert.equal(await late, null);
  assert.deepEqual(await hanging.expiring(), [
    { days: 1, passwords: 1 },
    { days: 7, passwords: 7 },
    { days: 14, passwords: 14 },
  ]);
  assert.deepEqual(await hanging.oldest(), { confirmation: null, groups: null });
});

test('records that could not be stored are in the log, and counted once they are lost for good', async () => {
  const { log, lines } = collectLog();
  const unstored = createUnstoredRecords(log);
  const onDenials = unstored.of('denials');
  const error = new Error('away');
  for (const fate of ['kept', 'overflowed', 'dropped', 'lost'] as const) onDenials({ error, entries: 2, fate });
  const metrics = createMetrics({ ...readings, lostRecords: unstored.lost });
  for (let look = 0; look < 2; look++) {
    assert.match((await metrics.read()).text, /^dockpass_lost_records_total\{what="denials"\} 6$/m);
  }
  assert.equal(lines.length, 4);
});

test('what was granted, how sign-ins ended, what sweeps found, and how old the oldest word of a provider is', async () => {
  const metrics = createMetrics(readings);
  const people = [
    { provider: 'google', outcome: 'confirmed' },
    { provider: 'google', outcome: 'confirmed' },
    { provider: 'sso', outcome: 'silent' },
  ];
  metrics.swept({ begunAt: 5_000, people, stopped: null });
  metrics.swept({ begunAt: 9_000, people: [], stopped: 'too many' });
  const access = { actions: ['pull', 'push'] };
  metrics.decided('r', [
    { access, granted: ['pull'] },
    { access, granted: [] },
  ]);
  metrics.signInEnded('google', 'completed');
  metrics.signInEnded('google', 'unavailable');
  const { text } = await metrics.read();
  assert.match(text, /^dockpass_token_scopes_total\{service="r",granted="some"\} 1$/m);
  assert.match(text, /^dockpass_token_scopes_total\{service="r",granted="none"\} 1$/m);
  assert.match(text, /^dockpass_sign_ins_total\{provider="google",outcome="unavailable"\} 1$/m);
  assert.match(text, /^dockpass_sweep_people_total\{provider="google",outcome="confirmed"\} 2$/m);
  assert.match(text, /^dockpass_sweep_people_total\{provider="sso",outcome="silent"\} 1$/m);
  assert.match(text, /^dockpass_sweep_last_timestamp_seconds\{result="whole"\} 5$/m);
  assert.match(text, /^dockpass_sweep_last_timestamp_seconds\{result="stopped"\} 9$/m);
  assert.match(text, /^dockpass_oldest_confirmation_seconds 60$/m);
  assert.match(text, /^dockpass_oldest_groups_seconds 0$/m);
});
