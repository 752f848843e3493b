/** `dockpass key ...` beside a running service, as processes. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';

let installation: Installation;
let server: Server;
before(async () => {
  installation = createInstallation();
  server = await installation.serve();
});
after(async () => {
  await server.stop();
  installation.remove();
});

const run = (...words: readonly string[]) => installation.run(['key', ...words]);

test('list names the keys that the service signs with', async () => {
  const { code, stdout } = await run('list');
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^1 {2}authority {2}ES256 .*\n2 {2}signing {2}ES256 {2}([A-Z2-7]{4}:){11}[A-Z2-7]{4} .*\n3 {2}waiting/,
  );
  const keys = JSON.parse((await run('list', '--json')).stdout);
  const served = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
  // Each under its libtrust id and its thumbprint.
  assert.deepEqual(
    served.keys.map(({ kid }) => kid).filter((_, index) => index % 2 === 0),
    keys.slice(1).map(({ id }: { id: string }) => id),
  );
});

test('export writes what registries must trust', async () => {
  const bundle = await readFile(join(installation.folder, 'data', 'registry-bundle.pem'), 'utf8');
  assert.equal((await run('export')).stdout, bundle);
  const jwks = await (await fetch(`${server.url}/.well-known/jwks.json`)).json();
  assert.deepEqual(JSON.parse((await run('export', '--jwks')).stdout), jwks);
});

test('rotate says when; an authority waits for the second word', async () => {
  const rotated = await run('rotate');
  assert.match(rotated.stdout, /The next key signs from 20..-..-..T.*Z on/);
  const again = await run('rotate');
  assert.equal(again.code, 1);
  assert.match(again.output, /rotation is under way/);
  assert.equal((await run('rotate', '--now')).code, 0);
  const authority = await run('rotate', '--authority');
  assert.match(authority.output, /beside the old one[\s\S]*restart it, then run `dockpass key rotate`/);
  assert.match((await run('export')).stdout, /END CERTIFICATE[\s\S]*END CERTIFICATE/);
  assert.match((await run('list')).output, /new certificate authority waits/);
});

test('words that do not fit are explained', async () => {
  assert.equal((await run('rotate', '--now', '--authority')).code, 2);
  const unknown = await run('list', '--service', 'other');
  assert.equal(unknown.code, 1);
  assert.match(unknown.output, /SERVICES does not name "other"/);
});
