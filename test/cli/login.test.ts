/** What `dockpass login` says where Dockpass can't be reached. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runProgram } from '../support/process.ts';
import { main } from '../support/program.ts';

/** A machine with docker. */
const folder = mkdtempSync(join(tmpdir(), 'dockpass-login-'));
writeFileSync(join(folder, 'docker'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
after(() => rmSync(folder, { recursive: true }));

async function logIn(server: string): Promise<string> {
  const env = { PATH: `${folder}:${process.env['PATH']}`, HOME: folder };
  const { code, output } = await runProgram(process.execPath, [main, 'login', '--headless', '--server', server], {
    env,
  });
  assert.equal(code, 1, output);
  return output;
}

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}

test('why Dockpass cannot be reached is said', async (t) => {
  const moved = await serve((_request, response) => response.writeHead(301, { location: '/elsewhere' }).end());
  t.after(moved.close);
  const broken = await serve((_request, response) => response.writeHead(502).end());
  t.after(broken.close);
  const gone = await serve(() => {});
  gone.close();
  assert.match(await logIn(gone.url), /does not answer \(ECONNREFUSED\)/);
  assert.match(await logIn(moved.url), /does not answer \(unexpected redirect\)/);
  assert.match(await logIn(broken.url), /answers with status 502/);
});
