/** That a start which fails leaves nothing behind: no listener, and no mark that a service uses the database; and how a stop ends all. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { startApp } from '../../src/app/app.ts';
import { type Config, readConfig } from '../../src/config/config.ts';
import { copyDatabase } from '../../src/store/transfer.ts';
import { createInstallation } from '../support/installation.ts';
import { freePorts } from '../support/ports.ts';

async function fail(t: TestContext, port: number, change: (config: Config) => Config): Promise<unknown> {
  const { folder, environment, remove } = createInstallation();
  t.after(remove);
  const config = change(readConfig({ ...environment, PORT: `${port}`, LOG_LEVEL: 'silent' }));
  const error = await startApp(config).then(
    () => assert.fail('it started'),
    (reason: unknown) => reason,
  );
  // Refused where a process that runs, as this one does, says that it serves the database.
  await copyDatabase(config.databaseUrl, `sqlite:${join(folder, 'copy.db')}`, () => {});
  return error;
}

test('a port that is taken', async (t) => {
  const server = createServer().listen(0);
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const error = await fail(t, address.port, (config) => config);
  assert.match(String(error), /EADDRINUSE/);
});

test('a part that cannot start once it listens', async (t) => {
  const [port = 0] = await freePorts(1);
  const broken = new Error('no notifications');
  const error = await fail(t, port, (config) => ({
    ...config,
    notifications: {
      ...config.notifications,
      get reminderDays(): never {
        throw broken;
      },
    },
  }));
  assert.equal(error, broken);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
});

test('a stop ends the other parts while a request still has time to be sent', async (t) => {
  const { environment, remove } = createInstallation();
  t.after(remove);
  const [port = 0, metricsPort = 0] = await freePorts(2);
  const changes = { PORT: `${port}`, METRICS_LISTEN: `127.0.0.1:${metricsPort}`, LOG_LEVEL: 'silent' };
  const app = await startApp(readConfig({ ...environment, ...changes }));
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  const answer = client.setEncoding('utf8').toArray();
  const head = ['POST /auth HTTP/1.1', 'Host: localhost:5001', 'Content-Type: application/x-www-form-urlencoded'];
  // Sent by Node once the request is in the hands of its handler.
  client.write([...head, 'Expect: 100-continue', 'Content-Length: 10', '', ''].join('\r\n'));
  await once(client, 'readable');
  const stopped = app.stop();
  const metrics = `http://127.0.0.1:${metricsPort}/metrics`;
  const isThere = () =>
    fetch(metrics).then(
      () => true,
      () => false,
    );
  while (await isThere()) await yieldToOthers();
  client.write('service=re');
  assert.match((await answer).join(''), /^HTTP\/1.1 100 .*HTTP\/1.1 [24]/s);
  await stopped;
});
