/** Providers behind a company's own certificate authority, and behind its proxy: as other programs of the machine reach them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createProxy } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createInstallation } from '../support/installation.ts';
import { runProgram } from '../support/process.ts';
import { makeTlsFiles } from '../support/tls.ts';

const script = new URL('../../script/dockpass', import.meta.url).pathname;

test('the system’s certificate authorities and proxy settings count, unless they are turned off', async (t) => {
  const installation = createInstallation();
  t.after(() => installation.remove());
  const { certificate, key } = await makeTlsFiles(installation.folder);
  const provider = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ issuer })),
  ).listen(0, '127.0.0.1');
  await once(provider, 'listening');
  t.after(() => provider.close());
  const issuer = `https://localhost:${(provider.address() as AddressInfo).port}`;
  const connected: string[] = [];
  const proxy = createProxy().on('connect', ({ url = '' }, socket) => {
    connected.push(url);
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  t.after(() => proxy.close());

  const doctor = async (settings: Record<string, string>) => {
    const client = { OIDC_PROVIDERS: 'sso', OIDC_SSO_CLIENT_ID: 'dockpass', OIDC_SSO_CLIENT_SECRET: 's' };
    const env = { ...installation.environment, ...client, OIDC_SSO_ISSUER: issuer, ...settings };
    const words = ['doctor', '--provider', 'sso'];
    return (await runProgram(script, words, { cwd: installation.folder, env })).output;
  };
  const untrusted = /certificate|DEPTH_ZERO|SELF_SIGNED/i;
  const own = { SSL_CERT_FILE: certificate };
  const trusted = await doctor(own);
  assert.ok(trusted.includes(issuer), trusted);
  assert.doesNotMatch(trusted, /DEPTH_ZERO|SELF_SIGNED/);
  assert.match(await doctor({ ...own, NODE_USE_SYSTEM_CA: '0' }), untrusted);
  assert.match(await doctor({}), untrusted, 'and it is the system’s word that counts');

  const through = {
    OIDC_SSO_ISSUER: 'https://sso.invalid',
    HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
  };
  await doctor({ ...through, NODE_USE_ENV_PROXY: '0' });
  assert.deepEqual(connected, []);
  await doctor(through);
  assert.equal(connected[0], 'sso.invalid:443');
});
