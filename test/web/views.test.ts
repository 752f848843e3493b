/** What the pages are made with: the cached assets, and the small texts. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { userAgentName } from '../../src/web/user-agent.ts';
import { initials } from '../../src/web/views.ts';
import { startPasswordPages } from '../support/password-pages.ts';

test('an asset is kept for a year under the hash of its content, and under no other address', async () => {
  const site = await startPasswordPages();
  try {
    const body = await (await fetch(`${site.url}/`)).text();
    const assets = new Set([...body.matchAll(/"(\/static\/[^"#]+)/g)].map(([, path = '']) => path));
    assert.ok(assets.size >= 10);
    for (const path of assets) {
      const response = await fetch(site.url + path);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable', path);
    }
    for (const other of ['/static/tokens.css', '/static/tokens.css?v=000000000000', '/static/tokens.css?v=a&v=b']) {
      const response = await fetch(site.url + other);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('cache-control'), 'no-cache', other);
    }
    for (const other of ['/static/', '/static/none.css', '/static/..%2flayout.eta']) {
      assert.equal((await fetch(site.url + other)).status, 404, other);
    }
  } finally {
    await site.close();
  }
});

test('no template holds a script or a style of its own: the policy of the pages would not run it', () => {
  for (const file of readdirSync('views').filter((name) => name.endsWith('.eta'))) {
    const text = readFileSync(`views/${file}`, 'utf8');
    assert.doesNotMatch(text, /<style|\sstyle=|\son[a-z]+=|javascript:|<script(?! type="module" src=)/, file);
  }
});

test('the header names who is signed in, whomever the page is about', async () => {
  const data = {
    title: 'Not found',
    message: 'Nobody.',
    requestId: null,
    signInHref: '/sign-in',
    home: { href: '/', label: 'Go to your passwords' },
    status: 404,
    person: { login: 'bo@example.com' },
  };
  const site = await startPasswordPages({ also: { '/about-bo': { template: 'error', data } }, signedIn: true });
  try {
    const body = await (await fetch(`${site.url}/about-bo`)).text();
    assert.match(body, /Signed in as <\/span>ana@example\.com/);
    assert.doesNotMatch(body, /bo@example\.com/);
  } finally {
    await site.close();
  }
});

test('what is not escaped in a template is another template, and never a value', () => {
  for (const file of readdirSync('views').filter((name) => name.endsWith('.eta'))) {
    for (const [, raw] of readFileSync(`views/${file}`, 'utf8').matchAll(/<%~\s*(.*?)%>/g)) {
      assert.match(raw ?? '', /^(include\(|it\.body |sortable\(it\.columns|describe\(')/, file);
    }
  }
});

for (const [login, name, letters] of [
  ['ana@example.com', 'Ana García', 'AG'],
  ['ana@example.com', 'Ana María García López', 'AL'],
  ['ana@example.com', 'ana', 'A'],
  ['ana@example.com', null, 'A'],
  ['ana@example.com', '   ', 'A'],
  ['ana@example.com', '😀 ß', '😀SS'],
] as const) {
  test(`${name ?? login} is ${letters}`, () => assert.equal(initials({ login, display_name: name }), letters));
}

for (const [userAgent, name] of [
  ['docker/28.2.2 go/go1.24.3 git-commit/45873be kernel/6.8 os/linux', 'docker 28.2.2'],
  ['containers/5.36.0 (github.com/containers/image)', 'containers 5.36.0'],
  ['Helm', 'Helm'],
  ['', 'an unnamed client'],
  ['(odd)', 'an unnamed client'],
] as const) {
  test(`"${userAgent}" is ${name}`, () => assert.equal(userAgentName(userAgent), name));
}
