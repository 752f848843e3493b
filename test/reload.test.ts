/** A new policy while requests come in: none fails, and SIGHUP, the file itself and a candidate do what they should. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, test } from 'node:test';
import { createInstallation, type Installation, type Server } from './support/installation.ts';
import { main } from './support/program.ts';

const policyOf = (actions: string) => `users: {"": {}}\nacl: [{match: {name: app}, actions: ${actions}}]\n`;
const open = policyOf('[pull, push]');
const closed = policyOf('[]');

let installation: Installation;
beforeEach(() => {
  installation = createInstallation();
  write(open);
});
afterEach(() => installation.remove());

/** Renames a new file over the old one, as editors and deployments do. */
function write(text: string, name = 'policy.yml'): void {
  writeFileSync(join(installation.folder, `${name}.new`), text);
  renameSync(join(installation.folder, `${name}.new`), join(installation.folder, name));
}

/** What the token grants on `app`; it throws where there is none. */
async function granted(server: Server): Promise<string> {
  const response = await fetch(`${server.url}/auth?service=registry.example.com&scope=repository:app:pull,push`);
  assert.equal(response.status, 200);
  const { token } = (await response.json()) as { token: string };
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  return (claims.access[0]?.actions ?? []).join();
}

/** Asks until the answer is `expected`; every answer on the way has to be a token. */
async function until(server: Server, expected: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while ((await granted(server)) !== expected) assert.ok(Date.now() < deadline, `never became "${expected}"`);
}

test('the file is taken over under load, both ways, and no request fails', async () => {
  const server = await installation.serve({ LOG_LEVEL: 'info' });
  let ended = false;
  const load = [1, 2, 3].map(async () => {
    while (!ended) assert.match(await granted(server), /^(pull,push)?$/);
  });
  for (const [text, expected] of [
    [closed, ''],
    [open, 'pull,push'],
  ] as const) {
    write(text);
    await until(server, expected);
  }
  ended = true;
  await Promise.all(load);
  await server.stop();
});

test('a broken file keeps the policy and shows on /readyz; SIGHUP takes the mended one over', async () => {
  const server = await installation.serve({ ADMIN_EMAILS: 'ana@example.com' });
  write('acl: [{match: {acount: x}, actions: []}]');
  server.signal('SIGHUP');
  await server.says(/policy file cannot be used/);
  assert.equal(await granted(server), 'pull,push');
  const ready = await fetch(`${server.url}/readyz`);
  assert.equal(ready.status, 200);
  assert.deepEqual(await ready.json(), {
    status: 'ok',
    warnings: ['the policy file cannot be used: the policy before it is in force'],
  });
  write(closed);
  server.signal('SIGHUP');
  await until(server, '');
  await server.stop();
});

test('SIGHUP while the service starts does not end it', async (t) => {
  const { folder, environment } = installation;
  const file = join(folder, 'policy.yml');
  rmSync(file);
  execFileSync('mkfifo', [file]);
  const child = spawn(process.execPath, [main, 'serve'], { cwd: folder, env: environment });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'close');
  // A pipe opens once the start reads it, which then waits for what is written.
  const pipe = await openFile(file, 'w');
  child.kill('SIGHUP');
  write(open);
  await pipe.writeFile(open);
  await pipe.close();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes('"listening"')) child.kill('SIGTERM');
  });
  assert.deepEqual(await ended, [0, null]);
});

for (const workers of ['1', '2']) {
  test(`SIGHUP while the service stops does not end it, WORKERS=${workers}`, async (t) => {
    const { folder, environment } = installation;
    const env = { ...environment, WORKERS: workers };
    // A group of its own, for signals to all of its processes.
    const child = spawn(process.execPath, [main, 'serve'], { cwd: folder, env, detached: true });
    t.after(() => child.kill('SIGKILL'));
    const ended = once(child, 'close');
    let output = '';
    const says = (pattern: RegExp): Promise<RegExpExecArray> =>
      new Promise((resolve) => {
        const look = () => {
          const found = pattern.exec(output);
          if (found !== null) resolve(found);
        };
        look();
        child.stdout.on('data', look);
      });
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      output += piece;
    });
    const [, port] = await says(/"url":"http:[^"]*:(\d+)"/);
    const socket = connect(Number(port), '127.0.0.1');
    const head = ['POST /auth HTTP/1.1', 'Host: localhost', 'Content-Length: 2', 'Expect: 100-continue'];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await once(socket, 'data');
    child.kill('SIGTERM');
    await says(/"stopping"/);
    process.kill(-(child.pid ?? 0), 'SIGHUP');
    socket.write('{}');
    assert.match(await text(socket), /^HTTP\/1\.1 4\d\d /);
    assert.deepEqual(await ended, [0, null]);
  });
}

test('a candidate changes nothing and logs what it would change', async () => {
  write(closed, 'next.yml');
  const server = await installation.serve({ POLICY_CANDIDATE_FILE: join(installation.folder, 'next.yml') });
  assert.equal(await granted(server), 'pull,push');
  await server.says(
    /"scope":"repository:app:pull,push","now":\{"granted":\["pull","push"\],"line":2.*"candidate":\{"granted":\[\],"line":2/,
  );
  await server.stop();
});
