/** The cookies of begun sign-ins: what they carry, who can change them, how many there are and how long they get. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request, Response } from 'express';
import fc from 'fast-check';
import { type AttemptParts, createSignInAttempts, type PendingSignIn } from '../../src/web/sign-in-attempts.ts';

const clock = { now: Date.UTC(2026, 10, 23) };
const publicUrl = 'https://auth.example.com';
const attemptsWith = (changes: Partial<AttemptParts> = {}) =>
  createSignInAttempts({
    secrets: ['s'.repeat(32)],
    secure: true,
    prefix: '',
    publicUrl,
    now: () => clock.now,
    ...changes,
  });

/** A browser that keeps what it's given. */
function createBrowser() {
  const cookies = new Map<string, string>();
  const lines: string[] = [];
  const append = (_name: string, line: string) => {
    lines.push(line);
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (value === '') cookies.delete(name);
    else cookies.set(name, value);
  };
  const request = () => {
    const cookie = ['theme=dark', ...[...cookies].map(([name, value]) => `${name}=${value}`)].join('; ');
    return { headers: { cookie } } as Request;
  };
  return { cookies, lines, request, response: { append } as unknown as Response };
}

function begin(
  browser: ReturnType<typeof createBrowser>,
  attempts = attemptsWith(),
  changes: Partial<PendingSignIn> = {},
): PendingSignIn {
  const attempt = { ...attempts.create(), codeVerifier: 'v'.repeat(43) };
  const asked = { consent: false, login: false, fresh: false };
  const begun = { provider: 'google', returnTo: '/', begunAt: clock.now, attempt, ...asked, ...changes };
  attempts.remember(browser.request(), browser.response, begun);
  return begun;
}

test('what was begun comes back whole, under its own state and provider alone', () => {
  const [browser, attempts] = [createBrowser(), attemptsWith()];
  const begun = begin(browser, attempts, {
    returnTo: '/admin/audit?from=2026-11-01&q=a:b%2C',
    consent: true,
    fresh: true,
  });
  const find = (provider: string, state: string) => attempts.find(browser.request(), { provider, state });
  assert.deepEqual(find('google', begun.attempt.state), begun);
  assert.equal(find('keycloak', begun.attempt.state), null);
  assert.equal(find('google', attempts.create().state), null);
  assert.equal(attempts.find(createBrowser().request(), { provider: 'google', state: begun.attempt.state }), null);
});

test('a cookie that someone wrote or changed is worth nothing', () => {
  const [browser, attempts] = [createBrowser(), attemptsWith()];
  const { state } = begin(browser, attempts).attempt;
  const [[name = '', value = ''] = []] = browser.cookies;
  const find = () => attempts.find(browser.request(), { provider: 'google', state });
  for (let index = 0; index < value.length; index++) {
    const changed = value[index] === 'A' ? 'B' : 'A';
    browser.cookies.set(name, value.slice(0, index) + changed + value.slice(index + 1));
    assert.equal(find(), null, `character ${index}`);
  }
  browser.cookies.set(name, value);
  assert.notEqual(find(), null);
  const elsewhere = attemptsWith({ secrets: ['t'.repeat(32)] });
  assert.equal(elsewhere.find(browser.request(), { provider: 'google', state }), null);
});

test('a secret behind a new one still verifies what it signed', () => {
  const browser = createBrowser();
  const begun = begin(browser, attemptsWith({ secrets: ['old'] }));
  const rotated = attemptsWith({ secrets: ['new', 'old'] });
  const { state } = begun.attempt;
  assert.deepEqual(rotated.find(browser.request(), { provider: 'google', state }), begun);
});

test('a sign-in is good for ten minutes', () => {
  const browser = createBrowser();
  const { begunAt, attempt } = begin(browser);
  const at = (now: number) =>
    attemptsWith({ now: () => now }).find(browser.request(), { provider: 'google', state: attempt.state });
  assert.notEqual(at(begunAt + 599_999), null);
  assert.equal(at(begunAt + 600_000), null);
});

test('eight tabs can sign in at the same time; a ninth drops the oldest', () => {
  const [browser, attempts] = [createBrowser(), attemptsWith()];
  const begun = Array.from({ length: 9 }, () => {
    clock.now += 1_000;
    return begin(browser, attempts);
  });
  const kept = begun.filter(
    ({ attempt }) => attempts.find(browser.request(), { provider: 'google', state: attempt.state }) !== null,
  );
  assert.deepEqual(kept, begun.slice(1));
  assert.equal(browser.cookies.size, 8);
});

test('a cookie stays below 300 bytes, whatever the way back, and the way back stays here', () => {
  const path = fc.stringMatching(/^[\x20-\x7e\xe9\u{1f600}]{0,400}$/u).map((text) => `/dockpass/${text}`);
  fc.assert(
    fc.property(path, fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/), (returnTo, provider) => {
      const [browser, attempts] = [createBrowser(), attemptsWith({ prefix: '/dockpass' })];
      const { attempt } = begin(browser, attempts, { returnTo, provider, consent: true });
      for (const line of browser.lines) {
        assert.ok(Buffer.byteLength(line) < 300, line);
        assert.match(
          line,
          /^__Host-dockpass-[\w-]{8}-[\w-]{10}=[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+; Max-Age=600; Path=\//,
        );
      }
      const found = attempts.find(browser.request(), { provider, state: attempt.state });
      assert.ok(found?.returnTo.startsWith('/dockpass/'));
    }),
  );
});

test('the longest path and provider name that the settings allow fit into a cookie', () => {
  const [name, path] = ['n'.repeat(31), `/${'p'.repeat(127)}`];
  for (const [provider, prefix] of [
    [name, path.slice(0, 128 - name.length)],
    ['google', path.slice(0, 128 - 'google'.length)],
  ] as const) {
    const [browser, attempts] = [createBrowser(), attemptsWith({ prefix })];
    const asked = { consent: true, login: true, fresh: true };
    const { state } = begin(browser, attempts, { provider, returnTo: `${prefix}/passwords`, ...asked }).attempt;
    assert.equal(attempts.find(browser.request(), { provider, state })?.returnTo, `${prefix}/`);
  }
});

test('a way back that is too long keeps its page, and loses its query', () => {
  const [browser, attempts] = [createBrowser(), attemptsWith()];
  const { state } = begin(browser, attempts, { returnTo: `/admin/audit?person=${'a'.repeat(200)}` }).attempt;
  assert.equal(attempts.find(browser.request(), { provider: 'google', state })?.returnTo, '/admin/audit');
});
