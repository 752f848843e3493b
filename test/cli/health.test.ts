/** `dockpass health --strict`, as `helm test` runs it: what an installation lacks although it answers. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createInstallation } from '../support/installation.ts';

test('a strict check fails for a proxy that is not trusted, and where nobody can sign in or pull', async (t) => {
  const installation = createInstallation();
  t.after(() => installation.remove());
  const server = await installation.serve({ ADMIN_EMAILS: 'root@example.com' });
  t.after(() => server.stop());
  const proxy = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, 'x-forwarded-for': '203.0.113.7' };
    const forwarded = request(server.url + incoming.url, { headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => proxy.close());
  const through = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const google = { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'x', GOOGLE_DOMAINS: 'example.com' };

  const plain = await installation.run(['health', '--url', through], google);
  assert.equal(plain.code, 0, plain.output);
  const strict = await installation.run(['health', '--url', through, '--strict'], google);
  assert.equal(strict.code, 1);
  assert.match(strict.output, /proxy at 127\.0\.0\.1 forwards requests: add it to TRUSTED_PROXIES/);
  const direct = await installation.run(['health', '--url', server.url, '--strict'], google);
  assert.equal(direct.code, 0, direct.output);

  writeFileSync(join(installation.folder, 'policy.yml'), 'acl: []\n');
  const bare = await installation.run(['health', '--url', server.url, '--strict']);
  assert.equal(bare.code, 1);
  assert.match(bare.output, /No one can sign in[\s\S]*has no rule: no one can pull or push/);
});
