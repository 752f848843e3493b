/** The metrics as Prometheus reads them from a running service, and while its database is away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../src/metrics.ts';
import { createInstallation } from './support/installation.ts';

test('a service counts its answers, passwords, keys and warnings, on a listener of its own', async (t) => {
  const installation = createInstallation();
  t.after(() => installation.remove());
  const server = await installation.serve({ METRICS_LISTEN: '127.0.0.1:0' });
  t.after(() => server.stop());
  const port = /"port":(\d+).*"metrics"/.exec(server.output())?.[1];
  await installation.addPerson('ana@example.com');
  const { output } = await installation.run(['password', 'create', 'ana@example.com', '--name', 'x', '--days', '3']);
  const secret = /dkp_\w+/.exec(output)?.[0] ?? '';
  for (const password of [secret, 'wrong']) {
    const authorization = `Basic ${Buffer.from(`ana@example.com:${password}`).toString('base64')}`;
    await fetch(`${server.url}/auth?service=registry.example.com`, { headers: { authorization } });
  }
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text());
  assert.match(text, /^dockpass_token_requests_total\{service="registry.example.com",outcome="issued"\} 1$/m);
  assert.match(text, /^dockpass_token_requests_total\{service="registry.example.com",outcome="unauthenticated"\} 1$/m);
  assert.match(text, /^dockpass_token_request_duration_seconds_count\{outcome="issued"\} 1$/m);
  assert.match(text, /^dockpass_passwords\{state="live"\} 1$/m);
  assert.match(text, /^dockpass_passwords\{state="expiring"\} 1$/m);
  assert.match(text, /^dockpass_database_up 1$/m);
  assert.match(text, /^dockpass_signing_key_age_seconds\{ring=""\} [\d.]+$/m);
  assert.match(text, /^dockpass_warnings 0$/m);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
  assert.equal((await fetch(`${server.url}/metrics`, { redirect: 'manual' })).status, 404, 'not where the public is');
});

test('a database that is away is told, and the rest is shown all the same', async () => {
  const passwords = () => Promise.reject(new Error('away'));
  const metrics = createMetrics({ passwords, oldest: passwords, signingKeys: () => [], warnings: () => ['x'] });
  const { text } = await metrics.read();
  assert.match(text, /^dockpass_database_up 0$/m);
  assert.match(text, /^dockpass_warnings 1$/m);
});

test('what sweeps found, and how old the oldest word of a provider is', async () => {
  const metrics = createMetrics({
    passwords: async () => ({ live: 1, expiring: 0, expired: 0, revoked: 0 }),
    oldest: async () => ({ confirmation: 60, groups: null }),
    signingKeys: () => [],
    warnings: () => [],
  });
  const people = [
    { provider: 'google', outcome: 'confirmed' },
    { provider: 'google', outcome: 'confirmed' },
    { provider: 'sso', outcome: 'silent' },
  ];
  metrics.swept({ begunAt: 5_000, people, stopped: null });
  metrics.swept({ begunAt: 9_000, people: [], stopped: 'too many' });
  const { text } = await metrics.read();
  assert.match(text, /^dockpass_sweep_people_total\{provider="google",outcome="confirmed"\} 2$/m);
  assert.match(text, /^dockpass_sweep_people_total\{provider="sso",outcome="silent"\} 1$/m);
  assert.match(text, /^dockpass_sweep_stopped 1$/m);
  assert.match(text, /^dockpass_sweep_last_timestamp_seconds 9$/m);
  assert.match(text, /^dockpass_oldest_confirmation_seconds 60$/m);
  assert.match(text, /^dockpass_oldest_groups_seconds 0$/m);
});
