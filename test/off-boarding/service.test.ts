/** A running service beside a directory: what a scrape shows of its sweeps, and that nobody waits for a directory that hangs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createDirectory, tokenPath } from '../support/directory.ts';
import { createInstallation } from '../support/installation.ts';
import type { Person } from '../support/provider.ts';

const names = ['ana', 'bo', 'cy'];
const people = new Map<string, Person>(
  names.map((name) => {
    const email = `${name}@example.com`;
    return [email, { sub: email, name, email, email_verified: true, hd: 'example.com', groups: ['platform'] }];
  }),
);

async function start(t: TestContext) {
  const directory = await createDirectory(people);
  const google = createServer((request, response) => void directory.answer(request, response)).listen(0, '127.0.0.1');
  await once(google, 'listening');
  const url = `http://127.0.0.1:${(google.address() as AddressInfo).port}`;
  const installation = createInstallation();
  Object.assign(installation.environment, {
    ...{ GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret', GOOGLE_DOMAINS: 'example.com' },
    ...{ GOOGLE_DIRECTORY: 'direct', GOOGLE_DIRECTORY_KEY: JSON.stringify(directory.keyFile) },
    ...{ GOOGLE_DIRECTORY_URL: url, GOOGLE_DIRECTORY_TOKEN_URL: url + tokenPath, METRICS_LISTEN: '127.0.0.1:0' },
  });
  await installation.run(['migrate']);
  const secrets = [];
  for (const email of people.keys()) {
    await installation.addPerson(email);
    const { output } = await installation.run(['password', 'create', email, '--name', 'laptop']);
    secrets.push(/dkp_\w+/.exec(output)?.[0] ?? assert.fail(output));
  }
  t.after(() => {
    google.close();
    google.closeAllConnections();
    installation.remove();
  });
  return { directory, installation, secrets };
}

/** Asks until the answer fits. */
async function until(fits: RegExp, ask: () => Promise<string>): Promise<string> {
  for (const deadline = Date.now() + 30_000; ; await setTimeout(100)) {
    const answer = await ask();
    if (fits.test(answer)) return answer;
    assert.ok(Date.now() < deadline, answer);
  }
}

test('the first sweep comes soon, and a scrape shows what it found', async (t) => {
  const { installation } = await start(t);
  people.set('bo@example.com', { ...(people.get('bo@example.com') ?? assert.fail()), suspended: true });
  const begun = Date.now();
  const server = await installation.serve();
  t.after(() => server.stop());
  const port = /"port":(\d+).*"metrics"/.exec(server.output())?.[1];
  const scrape = () => fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text());
  // What the database says is kept for a while: the first look comes after the sweep.
  await until(/"msg":"sweep"/, async () => server.output());
  const text = await scrape();
  assert.match(text, /^dockpass_sweep_people_total\{provider="google",outcome="confirmed"\} 2$/m);
  assert.match(text, /^dockpass_sweep_people_total\{provider="google",outcome="disabled"\} 1$/m);
  const [, last = ''] = /^dockpass_sweep_last_timestamp_seconds\{result="whole"\} ([\d.e+]+)$/m.exec(text) ?? [];
  assert.ok(Number(last) * 1000 >= begun - 1000, text); // whole seconds
  for (const name of ['confirmation', 'groups'])
    assert.match(text, new RegExp(`^dockpass_oldest_${name}_seconds \\d+\\.`, 'm'));
});

test('while the directory hangs, the realm answers', async (t) => {
  const { directory, installation, secrets } = await start(t);
  directory.mood = 'hangs';
  const server = await installation.serve();
  t.after(() => server.stop());
  await until(/GET|POST/, async () => directory.asked.join());
  const [secret] = secrets;
  const authorization = `Basic ${Buffer.from(`ana@example.com:${secret}`).toString('base64')}`;
  const { status } = await fetch(`${server.url}/auth?service=registry.example.com`, { headers: { authorization } });
  assert.equal(status, 200);
});
