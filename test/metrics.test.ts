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
  const metrics = createMetrics({ passwords, signingKeys: () => [], warnings: () => ['x'] });
  const { text } = await metrics.read();
  assert.match(text, /^dockpass_database_up 0$/m);
  assert.match(text, /^dockpass_warnings 1$/m);
});
