/** Where someone comes back to whose form came too late, below a prefix too, and what goes with them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pageOf } from '../../src/web/form-page.ts';

const post = (originalUrl: string, body?: unknown) => pageOf({ method: 'POST', originalUrl, body }, '/dockpass');

test('a form that is sent to an address of its own leads back to its page', () => {
  const pages = {
    '/sessions/end': '/access',
    '/terminal/decide': '/terminal',
    '/admin/kept-logins/release': '/admin/kept-logins',
    '/admin/robots/r/passwords/p/confirm': '/admin/robots',
    '/robots/r/passwords?x=1': '/robots/r/passwords/new',
    '/robots/r/passwords/p/rotate': '/robots/r/passwords/p/rotate',
    '/admin/people/p/moves/m/end': '/admin/people/p/move',
    '/admin/revocations/new?domain=example.com': '/admin/revocations/new?domain=example.com',
  };
  for (const [sentTo, page] of Object.entries(pages)) assert.equal(post(`/dockpass${sentTo}`), `/dockpass${page}`);
});

test('a repository can be called as such an address ends', () => {
  for (const name of ['team/passwords', 'robots/r/state', 'admin/repositories/sync']) {
    const address = `/dockpass/repositories/registry.example.com/-/delete/${name}`;
    assert.equal(post(address), address);
  }
});

test('values go to the forms that are nothing without them, and only as many as an address holds', () => {
  const fields = { name: 'laptop', once: 'x' };
  assert.equal(post('/dockpass/passwords', fields), '/dockpass/passwords/new?name=laptop');
  const wish = { service: 's:5000', repository: 'team/app', note: 'for the release' };
  assert.equal(
    post('/dockpass/requests', wish),
    '/dockpass/requests/new?service=s%3A5000&repository=team%2Fapp&note=for+the+release',
  );
  for (const page of ['/dockpass/robots/new', '/dockpass/admin/robots/new']) {
    assert.equal(
      post(page, { name: 'ci', groups: ['web', 'ops'], labels: '' }),
      `${page}?name=ci&groups=web&groups=ops`,
    );
  }
  const selected = '/dockpass/admin/revocations/new?domain=example.com';
  assert.equal(post(selected, { reason: 'a leak', expected: '3' }), `${selected}&reason=a+leak`);
  assert.equal(post(`${selected}&reason=old`, { reason: 'x'.repeat(3_000) }), `${selected}&reason=old`);
  assert.equal(post('/dockpass/admin/repositories/sync', { service: 's' }), '/dockpass/admin/repositories?service=s');
  assert.equal(post('/dockpass/terminal/decide', { code: 'ABCD-EFGH' }), '/dockpass/terminal');
  const long = { ...fields, repositories: 'team/a\n'.repeat(1_000) };
  assert.equal(post('/dockpass/passwords', long), '/dockpass/passwords/new');
});

test('a note comes back to the request that it was for, on its page of the list, and the answer doesn’t', () => {
  const sentTo = '/dockpass/admin/requests/r-1/answer';
  const page = '/dockpass/admin/requests';
  assert.equal(
    post(`${sentTo}?page=2`, { note: 'on Monday', answer: 'accept' }),
    `${page}?page=2&request=r-1&note=on+Monday`,
  );
  assert.equal(post(sentTo, { note: '', answer: 'accept' }), page);
  assert.equal(post(sentTo), page);
  assert.equal(post(sentTo, { note: 'x'.repeat(3_000) }), page);
});
