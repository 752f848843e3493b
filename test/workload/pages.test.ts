/** The Workloads page and its API: failures with the rule that came closest, the switch, snippets, discovery. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { signedIn } from '../support/rows.ts';
import { type House, startHouse } from '../support/walk.ts';

const audience = 'http://localhost:5001';
const seconds = () => Math.floor(Date.now() / 1000);

let issuer: TestIssuer;
let house: House;
let cookie: string;
const page = async (path: string) => (await fetch(house.url + path, { headers: { Cookie: cookie } })).text();
const post = (path: string, body: Record<string, string> = {}) =>
  fetch(house.url + path, {
    method: 'POST',
    redirect: 'manual',
    headers: { Cookie: cookie, 'Sec-Fetch-Site': 'same-origin' },
    body: new URLSearchParams(body),
  });
/** As the realm and the token endpoint do, without a listener for them. */
const login = async (claims: object, at = seconds()) => {
  const token = await issuer.sign({ aud: audience, sub: 'me', ...claims }, { at });
  return house.workloads.authentication.authenticator.verify(
    { username: 'oidc', password: token },
    '192.0.2.7',
    'registry.example.com',
  );
};

before(async () => {
  issuer = await startIssuer();
  const workloadsText = `
issuers: { ci: { preset: oidc, issuer: "${issuer.url}" } }
rules:
  - { issuer: ci, match: { sub: me, ref: main }, account: "ci:web", groups: [deployers], comment: Main branch }
`;
  const policyText = `acl:
  - match: { kind: ci, group: deployers, name: "acme/**" }
    actions: [pull, push]
  - match: { account: "/.+/", name: "public/**" }
    actions: [pull]
`;
  house = await startHouse({ workloadsText, policyText });
  const root = await house.core.store.accounts.signIn(
    signedIn({ login: 'root@example.com', email: 'root@example.com' }),
  );
  cookie = await house.cookieOf(root, Date.now());
});
after(async () => {
  await house.stop();
  await issuer.stop();
});

test('the rules show what they match, what the policy grants them, and when they were last of use', async () => {
  const before = await page('/admin/workloads');
  assert.match(before, /ref: main/);
  assert.match(before, /Pull and push on name acme\/\*\*[\s\S]*line 2 of the policy/);
  assert.match(before, /Line 4 of the policy: rule 2 covers workloads too/);
  assert.doesNotMatch(before, /rule 1 covers/);
  assert.match(before, /Not in 30 days/);
  const identity = await login({ ref: 'main' });
  const workload = identity && house.workloads.authentication.workloadOf(identity);
  assert.ok(workload);
  house.workloads.uses.record(workload, { address: '192.0.2.7', userAgent: '', requestId: 'r' });
  assert.doesNotMatch(await page('/admin/workloads'), /Not in 30 days/);
});

test('discovery names the audience, the realm and the token endpoint', async () => {
  assert.deepEqual(await (await fetch(`${house.url}/.well-known/dockpass`)).json(), {
    realm: `${audience}/auth`,
    token_endpoint: `${audience}/oauth/token`,
    audience,
  });
});

test('a failure shows the claims, the rule that came closest and the condition that failed', async () => {
  await assert.rejects(login({ ref: 'feature/<x>', repository: 'acme/web' }));
  const text = await page('/admin/workloads');
  assert.match(text, /Main branch/);
  assert.match(text, /ref &quot;main&quot; does not match feature\/&lt;x&gt;/);
  assert.match(text, /repository<\/code> <bdi>acme\/web/);
  assert.match(text, /192\.0\.2\.7/);
});

test('of a token whose signature is wrong no claim is kept, only a count', async () => {
  const token = await issuer.sign({ aud: audience, sub: 'forged-subject' });
  const forged = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(342)}`;
  for (const _ of [1, 2]) {
    const sent = { username: 'oidc', password: forged };
    await assert.rejects(
      house.workloads.authentication.authenticator.verify(sent, '192.0.2.8', 'registry.example.com'),
    );
  }
  const text = await page('/admin/workloads');
  assert.doesNotMatch(text, /forged-subject/);
  assert.match(text, /The signature is wrong\.[\s\S]*2 times/);
});

test('the failures of strangers never push those of known ids away', async () => {
  await assert.rejects(login({ ref: 'known' }));
  for (let count = 0; count < 210; count += 1) await assert.rejects(login({ sub: `stranger-${count}`, ref: 'x' }));
  const failures = await house.workloads.administration.failures();
  assert.ok(failures.some(({ who, claims }) => who === 'sub me' && claims.some(([, value]) => value === 'known')));
  assert.ok(failures.filter(({ who }) => who.startsWith('sub ')).length <= 200);
});

test('an issuer is disabled and enabled from its page, with a reason', async () => {
  assert.match(await page('/admin/workloads/ci/off'), /Disable “ci”\?/);
  assert.equal((await post('/admin/workloads/ci/off', { reason: 'stolen keys' })).status, 303);
  assert.match(await page('/admin/workloads?off=ci'), /“ci” is disabled\.[\s\S]*by root@example.com: stolen keys/);
  await assert.rejects(login({ ref: 'main' }));
  assert.equal((await post('/admin/workloads/ci/off')).status, 409);
  assert.equal((await post('/admin/workloads/ci/on')).status, 303);
  assert.equal((await login({ ref: 'main' }, seconds() + 2))?.account, 'ci:web');
  assert.equal((await fetch(`${house.url}/admin/workloads/nope/off`, { headers: { Cookie: cookie } })).status, 404);
});

test('the keys of an issuer are discarded from its page', async () => {
  assert.match(await page('/admin/workloads'), /1, fetched/);
  assert.equal((await post('/admin/workloads/ci/discard-keys')).status, 303);
  assert.match(await page('/admin/workloads'), /Not fetched yet/);
});

test('snippets have the values of this installation and name no secret', async () => {
  const text = await page('/admin/workloads/snippets');
  for (const label of [
    'GitHub Actions',
    'docker/login-action',
    'GitLab CI',
    'Forgejo Actions',
    'Buildkite',
    'Kubernetes',
  ]) {
    assert.match(text, new RegExp(label));
  }
  // Each option is in an element that isn't broken.
  assert.match(text.replaceAll(/<\/?span[^>]*>/g, ''), /docker login registry\.example\.com -u oidc --password-stdin/);
  assert.match(text, /audience=http%3A%2F%2Flocalhost%3A5001/);
  assert.match(text, /password: \$\{\{ steps\.token\.outputs\.token \}\}/);
});

test('without the file the page says how to turn it on, and discovery has no audience', async () => {
  const off = await startHouse();
  try {
    const root = await off.core.store.accounts.signIn(
      signedIn({ login: 'root@example.com', email: 'root@example.com' }),
    );
    const headers = { Cookie: await off.cookieOf(root, Date.now()) };
    assert.match(await (await fetch(`${off.url}/admin/workloads`, { headers })).text(), /Workload login is off/);
    assert.equal(
      ((await (await fetch(`${off.url}/.well-known/dockpass`)).json()) as { audience?: string }).audience,
      undefined,
    );
  } finally {
    await off.stop();
  }
});
