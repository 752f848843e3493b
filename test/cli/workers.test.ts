import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { decodeProtectedHeader } from 'jose';
import { isRunning } from '../../src/lib/is-running.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { missing } from '../support/parts.ts';

type Line = {
  readonly level?: string;
  readonly message?: string;
  readonly msg?: string;
  readonly pid?: number;
  readonly worker?: number;
  readonly pause?: number;
};

const linesOf = (server: Server): Line[] =>
  server
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);

const pausesOf = (server: Server) => linesOf(server).flatMap(({ pause }) => pause ?? []);
const listening = (server: Server) => linesOf(server).filter(({ msg }) => msg === 'listening');

/** A connection that was on its way to a worker when it was killed is lost with it: nobody answers that. */
const ask = (server: Server) =>
  fetch(`${server.url}/healthz`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(1_000) });

/** Asks the service until what its log says is so; each question is a connection of its own. */
async function until(server: Server, holds: () => boolean): Promise<void> {
  while (!holds()) await ask(server).catch(() => {});
}

function times(count: number, text: string): RegExp {
  return new RegExp(`(?:${text}[\\s\\S]*){${count}}`);
}

describe('WORKERS', () => {
  let installation: Installation;
  beforeEach(() => {
    installation = createInstallation();
  });
  afterEach(() => installation.remove());

  test('share the port and the database, and stop together', async () => {
    const server = await installation.serve({ WORKERS: '2' });
    await until(server, () => listening(server).length === 2);
    await installation.addPerson('ana@example.com');
    const made = await installation.command(['password', 'create', 'ana@example.com', '--name', 'ci', '--json']);
    const { secret } = JSON.parse(made.stdout) as { secret: string };

    const answered = new Set<number | undefined>();
    const headers = {
      authorization: `Basic ${Buffer.from(`ana@example.com:${secret}`).toString('base64')}`,
      connection: 'close',
    };
    for (let request = 0; request < 8; request++) {
      const { status } = await fetch(`${server.url}/auth?service=registry.example.com&scope=repository:a:pull`, {
        headers,
      });
      assert.equal(status, 200);
    }
    await server.stop();
    for (const { msg, worker } of linesOf(server)) if (msg === 'token') answered.add(worker);
    assert.deepEqual([...answered].sort(), [1, 2]);
    for (const { pid = 0 } of listening(server)) assert.ok(!isRunning(pid));
  });

  test('write beside the command line and a backup, and none of them is turned away', async () => {
    const server = await installation.serve({ WORKERS: '2' });
    await until(server, () => listening(server).length === 2);
    await installation.addPerson('ana@example.com');
    const create = async (name: string): Promise<string> => {
      const { stdout, output } = await installation.command(['password', 'create', 'ana@example.com', '--name', name]);
      assert.match(stdout, /^dkp_/, output);
      return stdout.trim();
    };
    const report = async (secret: string): Promise<number> => {
      const body = JSON.stringify({ secret });
      const headers = { 'content-type': 'application/json', connection: 'close' };
      return (await fetch(`${server.url}/api/v1/leaked`, { method: 'POST', headers, body })).status;
    };
    const backUp = async (folder: string): Promise<void> => {
      const { code, output } = await installation.run(['backup', join(installation.folder, folder)]);
      assert.equal(code, 0, output);
    };
    const names = Array.from({ length: 12 }, (_, n) => `laptop ${n}`);
    const reported = names.map(async (name) => report(await create(name)));
    await Promise.all([...reported, backUp('monday'), backUp('tuesday')]);
    assert.deepEqual(
      await Promise.all(reported),
      names.map(() => 200),
    );
    await server.stop();
    const worries = linesOf(server).filter(
      ({ level, msg }) => level !== 'info' && !/^no one (?:can|is)/.test(msg ?? ''),
    );
    assert.deepEqual(worries, []);
  });

  test('one that dies is replaced, while the others answer', async () => {
    const server = await installation.serve({ WORKERS: '2' });
    await until(server, () => listening(server).length === 2);
    const [first] = listening(server);
    process.kill(first?.pid ?? 0, 'SIGKILL');
    let answered = false;
    while (!answered)
      answered = await ask(server).then(
        ({ ok }) => ok,
        () => false,
      );
    await until(server, () => listening(server).length === 3);
    assert.equal(listening(server).at(-1)?.worker, 3);
    await server.stop();
  });

  test('sign with the same key of yours, also once one has died after a renewal, and all warn of it', {
    skip: missing('openssl'),
  }, async () => {
    const [certificate, key] = ['token.crt', 'token.key'].map((file) => join(installation.folder, file));
    const renew = () =>
      execFileSync(
        'openssl',
        `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=token -days 100 -keyout ${key} -out ${certificate}`.split(
          ' ',
        ),
        { stdio: 'pipe' },
      );
    const environment = {
      ...{ WORKERS: '2', TOKEN_CERTIFICATE_FILE: `${certificate}`, TOKEN_KEY_FILE: `${key}` },
      SERVICE_REGISTRY_EXAMPLE_COM_TOKEN_HEADER: 'kid',
    };
    const newKeyId = async () => {
      renew();
      const listed = await installation.command(['key', 'list', '--json'], environment);
      return (JSON.parse(listed.stdout) as { id: string }[]).map(({ id }) => id);
    };
    const warned = (server: Server) =>
      linesOf(server).flatMap(({ msg, worker }) => (msg?.includes('than before this start') ? worker : []));
    const keyIds = async (server: Server, headers: Record<string, string>) => {
      const ids = [];
      for (let request = 0; request < 4; request++) {
        const asked = await fetch(`${server.url}/auth?service=registry.example.com`, { headers });
        const { token } = (await asked.json()) as { token: string };
        ids.push(decodeProtectedHeader(token).kid);
      }
      return [...new Set(ids)];
    };
    renew();
    const first = await installation.serve(environment);
    await until(first, () => listening(first).length === 2);
    await installation.addPerson('ana@example.com');
    const made = await installation.command(['password', 'create', 'ana@example.com', '--name', 'ci'], environment);
    const credentials = Buffer.from(`ana@example.com:${made.stdout.trim()}`).toString('base64');
    const headers = { authorization: `Basic ${credentials}`, connection: 'close' };
    const crashed = await newKeyId();
    process.kill(listening(first)[0]?.pid ?? 0, 'SIGKILL');
    await until(first, () => listening(first).length === 4);
    assert.deepEqual(await keyIds(first, headers), crashed);
    assert.deepEqual(warned(first).sort(), [3, 4]);
    await first.stop();

    const stopped = await newKeyId();
    const second = await installation.serve(environment);
    await until(second, () => listening(second).length === 2);
    assert.deepEqual(await keyIds(second, headers), stopped);
    assert.deepEqual(warned(second).sort(), [1, 2]);
    await second.stop();
  });

  test('one that dies again and again is replaced ever later, while the others answer', async () => {
    const server = await installation.serve({ WORKERS: '2' });
    for (let deaths = 0; deaths < 4; deaths++) {
      await until(server, () => listening(server).length === 2 + deaths);
      process.kill(listening(server).at(-1)?.pid ?? 0, 'SIGKILL');
      await until(server, () => pausesOf(server).length === deaths + 1);
    }
    assert.deepEqual(pausesOf(server), [0, 250, 500, 1_000]);
    await server.stop();
  });

  test('all may die at the same time, again and again: they are replaced, and a stop ends the pause', async () => {
    const server = await installation.serve({ WORKERS: '2' });
    for (let round = 1; round <= 3; round++) {
      await server.says(times(2 * round, '"listening"'));
      for (const { pid = 0 } of listening(server).slice(-2)) process.kill(pid, 'SIGKILL');
      await server.says(times(2 * round, '"pause"'));
    }
    assert.ok(isRunning(server.pid));
    assert.equal(Math.max(...pausesOf(server)), 500);
    await server.stop();
    assert.equal(listening(server).length, 6);
  });

  test('none is tried again where none can start', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { code, output } = await installation.run(['serve'], { WORKERS: '2', PORT: String(port) });
    taken.close();
    assert.equal(code, 1);
    assert.match(output, new RegExp(`Port ${port} is already in use`));
  });
});
