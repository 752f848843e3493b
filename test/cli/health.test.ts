/** `dockpass health --strict`, as `helm test` runs it: what an installation lacks although it answers. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createInstallation, type Server } from '../support/installation.ts';

describe('a strict check', () => {
  const installation = createInstallation();
  after(() => installation.remove());
  const google = { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'x', GOOGLE_DOMAINS: 'example.com' };
  const check = (url: string, ...words: string[]) => installation.run(['health', '--url', url, ...words], google);

  /** The same service as a proxy sees it, which says that someone else asks. */
  async function through({ url }: Server): Promise<{ readonly url: string; close(): void }> {
    const proxy = createServer((incoming, outgoing) => {
      const headers = { ...incoming.headers, 'x-forwarded-for': '203.0.113.7' };
      const forwarded = request(url + incoming.url, { headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      incoming.pipe(forwarded);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, close: () => proxy.close() };
  }

  test('fails for a proxy that is not trusted, and where nobody can sign in or pull', async (t) => {
    const server = await installation.serve({ ADMIN_EMAILS: 'root@example.com' });
    t.after(() => server.stop());
    const proxy = await through(server);
    t.after(proxy.close);
    const plain = await check(proxy.url);
    assert.equal(plain.code, 0, plain.output);
    const strict = await check(proxy.url, '--strict');
    assert.equal(strict.code, 1);
    assert.match(strict.output, /proxy at 127\.0\.0\.1 forwards requests: add it to TRUSTED_PROXIES/);
    const direct = await check(server.url, '--strict');
    assert.equal(direct.code, 0, direct.output);

    const { folder } = installation;
    writeFileSync(join(folder, 'none.yml'), 'acl: []\n');
    const words = ['health', '--url', server.url, '--strict'];
    const bare = await installation.run(words, { POLICY_FILE: join(folder, 'none.yml') });
    assert.equal(bare.code, 1);
    assert.match(bare.output, /No one can sign in[\s\S]*has no rule: no one can pull or push/);
  });

  test('fails on the machine itself where no one is an administrator, and passes from elsewhere', async (t) => {
    const server = await installation.serve({ TRUSTED_PROXIES: '127.0.0.1' });
    t.after(() => server.stop());
    const proxy = await through(server);
    t.after(proxy.close);
    const here = await check(server.url, '--strict');
    assert.equal(here.code, 1);
    assert.match(here.output, /no one is an administrator.*set ADMIN_EMAILS or ADMIN_GROUPS/);
    const elsewhere = await check(proxy.url, '--strict');
    assert.equal(elsewhere.code, 0, elsewhere.output);
    assert.match(elsewhere.output, /"warnings":\d/);
  });
});
