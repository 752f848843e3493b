/** That a start which fails leaves nothing behind: no listener, and no mark that a service uses the database. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
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
