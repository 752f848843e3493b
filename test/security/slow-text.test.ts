/** No text of a stranger costs much more than a harmless one of its length: a single request would hold up everyone. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { type App, startApp } from '../../src/app/app.ts';
import { readConfig } from '../../src/config/config.ts';
import { foldEmail, isUsableEmail } from '../../src/identity/email.ts';
import { normalizeDomain } from '../../src/lib/domain.ts';
import { hideSecrets, trimSecret } from '../../src/lib/secret.ts';
import { quotable } from '../../src/terminal/said-by-requester.ts';
import { repositoryName } from '../../src/web/access.ts';
import { readCookies } from '../../src/web/cookies.ts';
import { routesOf } from '../support/routes.ts';

/** A quadratic pattern costs a thousand times as much at 60 KB; a right one a few times, and a busy machine adds to that. */
const factor = 40;

/** What patterns are tried from again and again, and what Unicode sorts. The rest of a pattern can't match after it. */
const hostile: Readonly<Record<string, (size: number) => string>> = {
  spaces: (size) => `x${' '.repeat(size - 4)}x y`,
  'spaces in the middle of a cookie': (size) => `a=x${' '.repeat(size - 6)}x y`,
  tabs: (size) => `x${'\t'.repeat(size - 2)}x`,
  'line breaks': (size) => `x${'\n'.repeat(size - 2)}x`,
  marks: (size) => `a${'\u0301'.repeat(size / 4)}${'\u0323'.repeat(size / 4 - 1)}`,
  'marks in turn': (size) => 'a\u0301\u0323'.repeat(size / 5),
  ...Object.fromEntries(
    [...':,;/%=&+.@"<{[(\\-$*?#~', '${', 'a:', 'a,', '@sha256:', '::ffff:', '%0', '%25', '%64', 'é', '0'].map(
      (unit) => [unit, (size: number) => `${unit.repeat(size / Buffer.byteLength(unit) - 2)}\nx`],
    ),
  ),
};
const harmless = (size: number): string => 'a'.repeat(size);

/** Microseconds of this thread, which is where requests are answered; what other processes do isn't in it. */
async function costOf(action: () => unknown): Promise<number> {
  const begun = process.threadCpuUsage();
  await action();
  const { user, system } = process.threadCpuUsage(begun);
  return user + system;
}

/** The least of some tries, or the first that is cheap enough or far from it: the collection of garbage isn't the text's. */
async function leastOf(action: () => unknown, enough: number): Promise<number> {
  let least = await costOf(action);
  for (let tries = 1; tries < 3 && least > enough && least < enough * 5; tries += 1) {
    least = Math.min(least, await costOf(action));
  }
  return least;
}

/** Compares each hostile text with a harmless one of its length. */
async function assertCheap(size: number, use: (text: string) => unknown): Promise<void> {
  await use(harmless(size));
  const usual = Math.min(await costOf(() => use(harmless(size))), await costOf(() => use(harmless(size))));
  // Less than this can't be told from the collection of garbage.
  const enough = Math.max(usual, 1_000) * factor;
  for (const [what, make] of Object.entries(hostile)) {
    const cost = await leastOf(() => use(make(size)), enough);
    assert.ok(cost <= enough, `${what}: ${cost} µs, where letters take ${usual}`);
  }
}

describe('what reads a text of a stranger', () => {
  const readers: Readonly<Record<string, (text: string) => unknown>> = {
    trimSecret,
    hideSecrets,
    foldEmail,
    isUsableEmail,
    normalizeDomain,
    readCookies,
    quotable: (text) => quotable(text, ''),
    repositoryName: (text) => repositoryName(text, []),
  };
  for (const [name, read] of Object.entries(readers)) {
    test(name, () => assertCheap(128_000, read));
  }
});

describe('a request', () => {
  const token = 'e'.repeat(40);
  let app: App;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dockpass-slow-'));
    await writeFile(
      join(folder, 'policy.yml'),
      `users: { bot: { password: "${bcrypt.hashSync('x', 4)}" } }\nacl: [{ match: { account: "*" }, actions: ["*"] }]`,
    );
    await writeFile(
      join(folder, 'workloads.yml'),
      'issuers: { test: { issuer: "https://ci.example.com", preset: oidc } }\nrules: []\n',
    );
    app = await startApp(
      readConfig({
        PUBLIC_URL: 'http://localhost:5001',
        PORT: '0',
        DATA_DIR: join(folder, 'data'),
        POLICY_FILE: join(folder, 'policy.yml'),
        WORKLOADS_FILE: join(folder, 'workloads.yml'),
        SERVICES: 'one,two',
        SERVICE_ONE_HOST: 'one.example.com',
        SERVICE_ONE_EVENTS_TOKEN: token,
        SERVICE_TWO_EVENTS_TOKEN: `${token}2`,
        SERVICE_TWO_HOST: 'two.example.com',
        TRUSTED_PROXIES: '127.0.0.1',
        WRONG_PASSWORDS: '1000',
        LOG_LEVEL: 'silent',
      }),
    );
  });
  after(async () => {
    await app.stop();
    await rm(folder, { recursive: true, force: true });
  });

  type Sent = { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };
  /** Not by fetch, which changes and refuses headers. */
  const send = async (path: string, { method = 'GET', headers = {}, body = '' }: Sent): Promise<void> => {
    const sent = httpRequest(new URL(path, app.url), {
      method,
      headers: { host: 'one.example.com', ...headers },
      maxHeaderSize: 256 * 1024,
    });
    sent.end(body);
    const [answer] = await once(sent, 'response');
    await answer.resume().toArray();
  };
  /** As bytes, of which a header has no control characters. */
  const headerOf = (text: string): string => Buffer.from(text.replaceAll(/[\n\r]/g, '!')).toString('latin1');
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const post = (path: string, fields: Readonly<Record<string, string>>) =>
    send(path, { method: 'POST', headers: form, body: new URLSearchParams(fields).toString() });

  const headers = [
    ...['accept', 'accept-language', 'authorization', 'content-type', 'cookie', 'origin', 'referer', 'sec-fetch-site'],
    ...['user-agent', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'],
  ];
  for (const header of headers) {
    test(`with the header ${header}`, async () => {
      // The realm and a page read all of them; the catalog and the API have readers of their own for two.
      const others = ['authorization', 'x-forwarded-host'].includes(header) ? ['/v2/_catalog', '/api/v1/people'] : [];
      for (const path of ['/auth?service=one', '/', ...others]) {
        await assertCheap(60_000, (text) => send(path, { headers: { [header]: headerOf(text) } }));
      }
    });
  }

  test('with credentials in a header', async () => {
    for (const path of ['/auth?service=one&scope=repository:a:pull', '/v2/_catalog']) {
      for (const credentials of [(text: string) => `bot:${text}`, (text: string) => `${text}:x`]) {
        await assertCheap(44_000, (text) => send(path, { headers: { authorization: basic(credentials(text)) } }));
      }
    }
    for (const path of ['/v2/_catalog', '/registry-events/one', '/api/v1/people']) {
      for (const scheme of ['Bearer', `Bearer ${token}`, 'Basic YTpi']) {
        await assertCheap(60_000, (text) =>
          send(path, { headers: { authorization: headerOf(scheme + text.slice(1)) } }),
        );
      }
    }
  });

  test('with a form of the realm', async () => {
    const grant = { grant_type: 'password', username: 'zz', password: 'x', service: 'one' };
    for (const field of ['username', 'password', 'service', 'scope', 'grant_type', 'client_id', 'x'])
      await assertCheap(40_000, (text) => post('/auth', { ...grant, [field]: text }));
    await assertCheap(40_000, (text) => post('/auth', { grant_type: 'refresh_token', refresh_token: text }));
    await assertCheap(120_000, (text) => send('/auth', { method: 'POST', headers: form, body: `username=${text}` }));
  });

  test('with a form of OAuth', async () => {
    const oauth = 'urn:ietf:params:oauth';
    const types = { subject_token_type: `${oauth}:token-type:jwt`, client_id: 'dockpass-cli' };
    const rest = { subject_token: 'x', code: 'x', redirect_uri: 'http://127.0.0.1:1/', code_verifier: 'x' };
    for (const [grant_type, fields] of Object.entries({
      [`${oauth}:grant-type:token-exchange`]: ['subject_token', 'subject_token_type', 'audience', 'username', 'scope'],
      [`${oauth}:grant-type:device_code`]: ['device_code'],
      refresh_token: ['refresh_token'],
      authorization_code: ['code', 'redirect_uri', 'code_verifier'],
    })) {
      for (const field of fields)
        await assertCheap(40_000, (text) => post('/oauth/token', { grant_type, ...types, ...rest, [field]: text }));
    }
    for (const field of ['registry', 'machine', 'purpose'])
      await assertCheap(40_000, (text) => post('/oauth/device', { client_id: 'dockpass-cli', [field]: text }));
    await assertCheap(40_000, (text) => post('/oauth/revoke', { client_id: 'dockpass-cli', token: text }));
  });

  test('with a secret that is reported, or JSON that is not', async () => {
    const json = { 'content-type': 'application/json' };
    const report = (body: string) => send('/api/v1/leaked', { method: 'POST', headers: json, body });
    await assertCheap(60_000, (text) => report(JSON.stringify({ secret: text })));
    await assertCheap(60_000, report);
  });

  test('with an address of anyone’s', async () => {
    for (const route of [
      ...routesOf('anyone'),
      'GET /',
      'GET /v2/_catalog',
      'GET /auth',
      'POST /registry-events/one',
    ]) {
      const [method = '', path = ''] = route.split(' ');
      const inPath = path.replace(/[:*]\w+/, 'TEXT');
      const target = inPath === path ? `${path}?return_to=TEXT` : inPath;
      await assertCheap(18_000, (text) => send(target.replaceAll('TEXT', encodeURIComponent(text)), { method }));
    }
  });
});
