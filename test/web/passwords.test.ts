/** The password pages over HTTP, as a browser without a script speaks to them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unaudited } from '../support/audit.ts';
import { day, dockerClient, type Site, startPasswordPages } from '../support/password-pages.ts';

type Changes = Parameters<typeof startPasswordPages>[0];
const withSite =
  (action: (site: Site) => Promise<void>, changes: Changes = {}) =>
  async (): Promise<void> => {
    const site = await startPasswordPages(changes);
    try {
      await action(site);
    } finally {
      await site.close();
    }
  };

const full = { name: 'laptop', days: '30', access: 'full', repositories: '' };
const secretIn = (body: string): string => /dkp_[0-9A-Za-z]{36}/.exec(body)?.[0] ?? '';

async function get(site: Site, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(site.url + path);
  return { status: response.status, body: await response.text() };
}

function post(site: Site, path: string, fields: Record<string, string> | [string, string][] = {}): Promise<Response> {
  return fetch(site.url + path, {
    method: 'POST',
    body: new URLSearchParams(fields),
    redirect: 'manual',
    headers: { 'sec-fetch-site': 'same-origin', accept: 'text/html' },
  });
}

async function createOne(site: Site, fields: Record<string, string> = full) {
  const secret = secretIn(await (await post(site, '/passwords', fields)).text());
  // The clock of a site stands still, so the newest is not told from the others by its time.
  const all = await site.passwords.ofAccount(site.state.person);
  const password = all.find(({ name, state }) => name === fields['name'] && state === 'active');
  assert.ok(password && secret);
  return { secret, password };
}

test(
  'the secret stands in the answer to the POST, which nobody stores, and nowhere after',
  withSite(async (site) => {
    const response = await post(site, '/passwords', full);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.equal(response.headers.get('location'), null);
    const secret = secretIn(await response.text());
    const identity = await site.passwords.authenticator.verify({ username: site.ana.login, password: secret });
    assert.equal(identity?.account, 'ana@example.com');

    const [password] = await site.passwords.ofAccount(site.ana);
    for (const path of ['/', '/passwords/new', `/passwords/${password?.id}/revoke`]) {
      assert.ok(!(await get(site, path)).body.includes(secret), path);
    }
    assert.equal(site.events[0]?.client?.address, '127.0.0.1');
    assert.equal(site.events[0]?.actor, 'ana@example.com');
  }),
);

test(
  'every command has a copy button, also those with the secret in them',
  withSite(async (site) => {
    const body = await (await post(site, '/passwords', full)).text();
    const sources = [...body.matchAll(/data-copy="([^"]+)"/g)].map(([, source]) => source);
    const commands = [...body.matchAll(/<code id="([^"]+)">/g)].map(([, id]) => id);
    assert.deepEqual(sources, commands);
    for (const tool of ['docker', 'kubernetes', 'gitlab']) assert.ok(commands.includes(`once-${tool}`));
    const words = ['secret', 'host-0', 'user'];
    assert.equal([...body.matchAll(/<pre/g)].length, commands.length - words.length, 'all but single words');
  }),
);

test(
  'a password is as narrow as the form says',
  withSite(async (site) => {
    const { password } = await createOne(site, {
      ...full,
      access: 'pull',
      repositories: 'team-a/*\r\n\r\n  team-b/** \r\n',
    });
    assert.deepEqual(password.limits, { actions: ['pull'], repositories: ['team-a/*', 'team-b/**'] });
    assert.equal(password.expiresAt - password.createdAt, 30 * day);
    const { body } = await get(site, '/');
    for (const words of ['Pull only', 'team-a/*', 'team-b/**']) assert.ok(body.includes(words), words);
  }),
);

test(
  'patterns that are ticked limit it like those that are written, and stay where something is wrong',
  withSite(async (site) => {
    assert.match((await get(site, '/passwords/new')).body, /name="also" value="people\/ana\/\*\*"/);
    const also: [string, string][] = [
      ['also', 'team-a/*'],
      ['also', 'people/ana/**'],
    ];
    const wrong = await post(site, '/passwords', [...Object.entries({ ...full, name: '' }), ...also]);
    const form = await wrong.text();
    assert.match(form, />team-a\/\*\npeople\/ana\/\*\*<\/textarea>/);
    assert.doesNotMatch(form, /name="also"/);
    await post(site, '/passwords', [...Object.entries({ ...full, repositories: 'own/app' }), ...also]);
    const [password] = await site.passwords.ofAccount(site.ana);
    assert.deepEqual(password?.limits.repositories, ['own/app', 'team-a/*', 'people/ana/**']);
  }),
);

test(
  'who does not ask for full access gets none',
  withSite(async (site) => {
    const { access: _, ...silent } = full;
    assert.deepEqual((await createOne(site, silent)).password.limits.actions, ['pull']);
  }),
);

test(
  'a form with a field in it twice makes no password: one that was to be narrow would be wide',
  withSite(async (site) => {
    for (const [field, value] of Object.entries({ ...full, repositories: 'team-a/*' })) {
      const response = await post(site, '/passwords', [...Object.entries(full), [field, value]]);
      assert.equal(response.status, 400, field);
      assert.match(await response.text(), new RegExp(`&quot;${field}&quot; more than once`));
    }
    assert.deepEqual(await site.passwords.all(), []);
  }),
);

/** The date has the focus, and says what is wrong with it. */
const customDate =
  /aria-describedby="days-error until-hint" aria-invalid="true" autofocus>.*Choose a date from \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d \(UTC\)\./s;

const mistakes: readonly [
  what: string,
  field: 'name' | 'days' | 'repositories',
  change: Record<string, string>,
  status: number,
  message: RegExp,
][] = [
  ['no name', 'name', { name: '  ' }, 400, /Give the password a name/],
  ['a lifetime beyond the maximum', 'days', { days: '3650' }, 400, /between 1 and 365 days/],
  ['a lifetime that is no number', 'days', { days: 'soon' }, 400, /between 1 and 365 days/],
  ['a lifetime in hexadecimal', 'days', { days: '0x10' }, 400, /between 1 and 365 days/],
  ['a lifetime with an exponent', 'days', { days: '1e1' }, 400, /between 1 and 365 days/],
  ['a date that has passed', 'days', { days: 'custom', until: '2020-01-01' }, 400, customDate],
  ['no date', 'days', { days: 'custom', until: '' }, 400, customDate],
  ['a day that no month has', 'days', { days: 'custom', until: '2027-02-30' }, 400, customDate],
  [
    'a pattern with the registry in it',
    'repositories',
    { repositories: 'registry.example.com/team-a/*' },
    400,
    /leave out the host, and write &quot;team-a\/\*&quot;/,
  ],
  ['a broken pattern', 'repositories', { repositories: 'team-a/*\nteam-[b/*' }, 400, /“team-\[b\/\*” isn’t valid/],
  [
    'two broken patterns',
    'repositories',
    { repositories: 'team-[b/*\nteam-a/*\n/c' },
    400,
    /“team-\[b\/\*” isn’t valid.*“\/c” isn’t valid: remove the leading &quot;\/&quot;/,
  ],
  ['a name in use', 'name', { name: 'taken' }, 409, /There is already an active password named “taken”/],
];

for (const [what, field, change, status, message] of mistakes) {
  test(
    `${what} is named beside its field, and the form keeps what was typed`,
    withSite(async (site) => {
      await createOne(site, { ...full, name: 'taken' });
      const typed = { name: 'my <name>', days: '7', access: 'pull', repositories: 'team-c/*', ...change };
      const response = await post(site, '/passwords', typed);
      const body = await response.text();
      assert.equal(response.status, status);
      assert.match(body, message);
      assert.match(body, new RegExp(`id="${field}-error" class="field-error" role="alert"`));
      assert.match(body, new RegExp(`aria-describedby="${field}-error`));
      assert.ok(body.includes(`value="${typed.name.trim().replace('<', '&lt;').replace('>', '&gt;')}"`));
      assert.ok(body.includes(`>${typed.repositories}</textarea>`));
      assert.match(body, /value="pull" checked/);
      if (typed.days === '7') assert.match(body, /value="7" required checked/);
      assert.equal((await site.passwords.all()).length, 1);
    }),
  );
}

test(
  'a date of its own is when it expires, and the form shows the dates of the others',
  withSite(async (site) => {
    const today = new Date(site.state.now).toISOString().slice(0, 10);
    const until = new Date(site.state.now + 45 * day).toISOString().slice(0, 10);
    const { password } = await createOne(site, { ...full, days: 'custom', until });
    assert.equal(new Date(password.expiresAt).toISOString().slice(0, 10), until);
    const { body } = await get(site, '/passwords/new');
    assert.ok(!body.includes(`min="${today}"`));
    assert.match(body, /7 days <span class="segment-note"><time [^>]+>\d+ \w+ \d{4}</);
  }),
);

test(
  'a form that is sent twice makes one password, and the second answer says so',
  withSite(async (site) => {
    const form = (await get(site, '/passwords/new')).body;
    const once = /name="once" value="([^"]+)"/.exec(form)?.[1] ?? '';
    assert.notEqual(once, '');
    const first = await (await post(site, '/passwords', { ...full, once })).text();
    const again = await post(site, '/passwords', { ...full, once });
    const body = await again.text();
    assert.equal(again.status, 200);
    assert.match(body, /“<bdi>laptop<\/bdi>” was created.*shown once.*\/rotate/s);
    assert.ok(!body.includes(secretIn(first)));
    const [password, ...others] = await site.passwords.all();
    assert.deepEqual(others, []);
    // Revoked meanwhile, it isn't made again.
    await post(site, `/passwords/${password?.id}/revoke`);
    assert.match(await (await post(site, '/passwords', { ...full, once })).text(), /was created/);
    assert.equal((await site.passwords.all()).length, 1);
  }),
);

test(
  'a password that expired while it was in use is offered again, with its limits',
  withSite(async (site) => {
    const limited = { name: 'CI', days: '30', access: 'pull', repositories: 'team/**' };
    const { password } = await createOne(site, limited);
    const { password: idle } = await createOne(site, { ...full, name: 'Forgotten' });
    await createOne(site, { ...full, name: 'Laptop', days: '365' });
    const [start, client] = [site.state.now, 'skopeo/1.18.0'];
    await site.store.passwords.recordUses([{ id: password.id, at: start + 28 * day, address: '192.0.2.1', client }], 0);
    await site.store.passwords.recordUses([{ id: idle.id, at: start + day, address: '192.0.2.1', client }], 0);
    site.state.now = start + 33 * day;
    const { body } = await get(site, '/');
    assert.match(body, /“<bdi>CI<\/bdi>” expired .*3 days ago.*while skopeo 1\.18\.0 at 192\.0\.2\.1 was using it/s);
    assert.ok(!body.includes(`like=${idle.id}`));
    const again = `/passwords/new?like=${password.id}`;
    assert.ok(body.includes(again) && (await get(site, `/passwords/${password.id}`)).body.includes(again));
    const form = (await get(site, again)).body;
    assert.match(form, /name="name"[^>]+value="CI".*value="pull" checked.*>team\/\*\*<\/textarea>/s);
    assert.match(form, /name="days" value="90" required checked/);
    await createOne(site, limited);
    assert.ok(!(await get(site, '/')).body.includes(again));
  }),
);

test(
  'only one’s own password is offered again',
  withSite(async (site) => {
    const { password } = await createOne(site, { ...full, name: 'Secret project' });
    site.state.person = site.bo;
    assert.ok(!(await get(site, `/passwords/new?like=${password.id}`)).body.includes('Secret project'));
  }),
);

test(
  'the address of the form leads to the list',
  withSite(async (site) => {
    const response = await fetch(`${site.url}/passwords`, { redirect: 'manual' });
    assert.equal(response.headers.get('location'), new URL(`${site.url}/`).pathname);
  }),
);

test(
  'at the limit the list says so, and the form says which one it is',
  withSite(
    async (site) => {
      await createOne(site, full);
      await createOne(site, { ...full, name: 'server' });
      const { body } = await get(site, '/');
      assert.match(body, /You have 2 active passwords, which is the limit/);
      assert.ok(!body.includes('/passwords/new'));
      const response = await post(site, '/passwords', { ...full, name: 'one more' });
      assert.equal(response.status, 409);
      assert.match(await response.text(), /There are 2 active passwords, which is the limit.*value="one more"/s);
    },
    { maximumPerAccount: 2 },
  ),
);

for (const [maximumDays, offered] of [
  [365, [7, 30, 90, 365]],
  [400, [7, 30, 90, 365]],
  [180, [7, 30, 90, 180]],
  [90, [7, 30, 90]],
  [5, [5]],
] as const) {
  test(
    `with a maximum of ${maximumDays} days the form offers ${offered.join(', ')}`,
    withSite(
      async (site) => {
        const { body } = await get(site, '/passwords/new');
        const values = [...body.matchAll(/name="days" value="(\d+)"/g)].map(([, value]) => Number(value));
        assert.deepEqual(values, offered);
        assert.equal([...body.matchAll(/name="days" value="\d+" required checked/g)].length, 1);
      },
      { maximumDays },
    ),
  );
}

test(
  'revoking asks first, says what stops, and counts at once',
  withSite(async (site) => {
    const { secret, password } = await createOne(site);
    const credentials = { username: site.ana.login, password: secret };
    const identity = await site.passwords.authenticator.verify(credentials);
    assert.ok(identity);
    site.passwords.recordUse(identity, dockerClient);
    site.state.now += 3 * 60 * 60 * 1000;

    const path = `/passwords/${password.id}/revoke`;
    const { body } = await get(site, path);
    for (const words of ['docker 28.2.2', '203.0.113.7', '3 hours ago', '5 minutes'])
      assert.ok(body.includes(words), words);
    assert.ok(await site.passwords.authenticator.verify(credentials), 'a GET changes nothing');

    const response = await post(site, path);
    assert.equal(response.status, 303);
    assert.equal(response.headers.get('location'), `/?revoked=${password.id}`);
    await assert.rejects(site.passwords.authenticator.verify(credentials), /was revoked/);
    assert.equal(site.events.at(-1)?.action, 'password.revoke');
    assert.equal(site.events.at(-1)?.actor, 'ana@example.com');

    assert.match((await get(site, `/?revoked=${password.id}`)).body, /“laptop” has been revoked/);
    assert.doesNotMatch((await get(site, '/?revoked=another')).body, /is revoked/);
    assert.doesNotMatch((await get(site, path)).body, /<form method="post" action="\/passwords/);
  }),
);

test(
  'what was never used, or works no more, is told as that',
  withSite(async (site) => {
    const { password } = await createOne(site);
    assert.match((await get(site, `/passwords/${password.id}/revoke`)).body, /It has never been used/);
    site.state.now += 23 * day;
    assert.doesNotMatch((await get(site, '/')).body, /Expires soon/);
    site.state.now += day;
    assert.match((await get(site, '/')).body, /Expires soon/);
    site.state.now += 7 * day;
    assert.match((await get(site, '/')).body, /<span class="badge expired">Expired/);
    const { body } = await get(site, `/passwords/${password.id}/revoke`);
    assert.match(body, /“<bdi>laptop<\/bdi>” no longer works/);
    assert.match(body, /It expired/);
  }),
);

test(
  'nobody sees or revokes the password of somebody else',
  withSite(async (site) => {
    const { secret, password } = await createOne(site);
    site.state.person = site.bo;
    assert.ok(!(await get(site, `/?revoked=${password.id}`)).body.includes(password.hint));
    assert.equal((await get(site, `/passwords/${password.id}`)).status, 404);
    assert.equal((await get(site, `/passwords/${password.id}/revoke`)).status, 404);
    assert.equal((await post(site, `/passwords/${password.id}/revoke`)).status, 404);
    assert.ok(await site.passwords.authenticator.verify({ username: site.ana.login, password: secret }));
  }),
);

test(
  'the page of a password has all its limits, what used it, logins by day, and who revoked it',
  withSite(async (site) => {
    const patterns = ['team-a/*', 'team-b/*', 'team-c/*', 'team-d/*'];
    const { secret, password } = await createOne(site, { ...full, repositories: patterns.join('\n') });
    const page = `/passwords/${password.id}`;
    assert.match((await get(site, '/')).body, new RegExp(`<a class="name" href="${page}"><bdi>laptop`));
    const unused = (await get(site, page)).body;
    for (const pattern of patterns) assert.ok(unused.includes(`<code class="chip">${pattern}</code>`), pattern);
    assert.match(unused, /0 logins in 30 days/);
    assert.ok(!unused.includes(secret));

    const identity = await site.passwords.authenticator.verify({ username: site.ana.login, password: secret });
    assert.ok(identity);
    site.uses.record(identity, dockerClient, [{ type: 'repository', name: 'team-d/shop', actions: ['pull'] }]);
    site.dailyCounts.login(identity);
    site.dailyCounts.login(identity);
    const used = (await get(site, page)).body;
    for (const words of ['2 logins in 30 days', 'team-d/shop', 'docker 28.2.2', '203.0.113.7'])
      assert.ok(used.includes(words), words);
    assert.ok(used.includes(`href="${page}/rotate"`) && used.includes(`href="${page}/revoke"`));

    assert.match((await get(site, '/')).body, /class="sparkline".*2 logins in 30 days/);

    const rotated = await post(site, `${page}/rotate`, { days: '30', overlap: '24' });
    assert.equal(rotated.status, 200);
    const successor = (await site.passwords.ofAccount(site.ana)).find(({ id }) => id !== password.id);
    assert.match((await get(site, `/passwords/${successor?.id}`)).body, /The previous password, .* still works until/);
    const previous = (await get(site, page)).body;
    assert.ok(previous.includes(`It was rotated: <a href="/passwords/${successor?.id}">`));
    assert.ok(!previous.includes(`href="${page}/rotate"`));

    await site.passwords.revoke(password.id, null, { actor: 'root@example.com', client: null });
    const ended = (await get(site, page)).body;
    assert.match(ended, /<span class="badge revoked">Revoked<\/span>/);
    assert.match(ended, /UTC<\/time>\s*by root@example\.com/);
    assert.ok(!ended.includes(`href="${page}/revoke"`));
  }),
);

test(
  'text from people and clients is shown as text',
  withSite(async (site) => {
    const attack = `<script>alert('x')</script>"&`;
    const { password } = await createOne(site, { ...full, name: attack });
    const use = { id: password.id, at: site.state.now, address: '192.0.2.1', client: attack };
    await site.store.passwords.recordUses([use], 0);
    const answers = [
      (await get(site, '/')).body,
      (await get(site, `/passwords/${password.id}`)).body,
      (await get(site, `/passwords/${password.id}/revoke`)).body,
      await (await post(site, '/passwords', { ...full, name: attack, repositories: '</textarea><b>' })).text(),
    ];
    for (const body of answers) {
      assert.doesNotMatch(body, /<script>|<b>/);
      assert.ok(body.includes('&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;'));
    }
  }),
);

test(
  'another site can neither create nor revoke, and a body that is too large is refused',
  withSite(async (site) => {
    const { password } = await createOne(site);
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    for (const path of ['/passwords', `/passwords/${password.id}/revoke`]) {
      const response = await fetch(site.url + path, { method: 'POST', headers, body: new URLSearchParams(full) });
      assert.equal(response.status, 403);
    }
    assert.equal((await post(site, '/passwords', { ...full, name: 'x'.repeat(17_000) })).status, 413);
    assert.deepEqual(
      (await site.passwords.all()).map(({ state }) => state),
      ['active'],
    );
  }),
);

test(
  'below a path prefix every address carries it',
  withSite(
    async (site) => {
      const { password } = await createOne(site);
      const revocation = `/passwords/${password.id}/revoke`;
      for (const path of ['/', '/passwords/new', `/passwords/${password.id}`, revocation]) {
        const { status, body } = await get(site, path);
        assert.equal(status, 200);
        const addresses = [...body.matchAll(/(?:href|src|action)="([^"]+)"/g)].map(([, address = '']) => address);
        assert.deepEqual(
          addresses.filter((address) => !/^(\/team\/dockpass\/|#main$)/.test(address)),
          [],
        );
      }
      const response = await post(site, revocation);
      assert.equal(response.headers.get('location'), `/team/dockpass/?revoked=${password.id}`);
    },
    { prefix: '/team/dockpass' },
  ),
);

test(
  'the page says when the account was last confirmed, and why passwords rest',
  withSite(async (site) => {
    await createOne(site);
    const confirmedAt = site.state.now;
    site.state.now += 4 * 60_000;
    site.state.person = { ...site.ana, confirmed_at: confirmedAt };
    assert.match((await get(site, '/')).body, /last checked with the provider:\s+<time [^>]*>4 minutes ago<\/time>/);
    site.state.now += day;
    assert.match((await get(site, '/')).body, /Your passwords are limited: google could not be asked about ana/);
    site.state.now += 3 * day;
    assert.match((await get(site, '/')).body, /Your passwords are suspended: google could not be asked about ana/);
    const why = { state: 'reauth_required', state_reason: 'google answered invalid_grant' } as const;
    site.state.person = { ...site.ana, ...why, state_at: confirmedAt };
    const { body } = await get(site, '/');
    assert.match(body, /has to sign in again since 2026-11-23 09:28 UTC: google answered invalid_grant\./);
    assert.match(body, /<a href="\/sign-in\/google">Sign in again<\/a>/);
  }),
);

test(
  'the list says where docker keeps a token in the place of a password',
  withSite(async (site) => {
    const { password } = await createOne(site);
    assert.doesNotMatch((await get(site, '/')).body, /Docker keeps a token/);
    const row = { hash: 'of a token', password_id: password.id, service: 'registry.example.com', created_at: 1 };
    const { hash } = (await site.store.passwords.byId(password.id)) ?? assert.fail();
    await site.store.identityTokens.add(row, hash, unaudited);
    assert.match((await get(site, '/')).body, /Docker keeps a token for registry\.example\.com/);
  }),
);

test(
  'a new secret takes over, and the old one lives on for as long as was chosen',
  withSite(async (site) => {
    const { secret: old, password } = await createOne(site, { ...full, access: 'pull' });
    const path = `/passwords/${password.id}/rotate`;
    assert.match((await get(site, path)).body, /Rotate “<bdi>laptop<\/bdi>”/);
    assert.equal((await post(site, path, { days: '90' })).status, 400, 'nothing is said of the old secret');

    const sent = { days: 'custom', until: '2020-01-01', overlap: '1' };
    const again = await (await post(site, path, sent)).text();
    assert.match(again, /name="overlap" value="1" required checked/, 'the old secret would live for a day else');
    assert.match(again, /value="2020-01-01"/);
    assert.match(again, customDate);

    const body = await (await post(site, path, { days: '90', overlap: '24' })).text();
    const secret = secretIn(body);
    assert.match(body, /The old password expires in 24 hours/);
    const verify = (password: string) => site.passwords.authenticator.verify({ username: site.ana.login, password });
    assert.deepEqual((await verify(secret))?.limits?.actions, ['pull']);
    assert.ok(await verify(old));
    const list = (await get(site, '/')).body;
    assert.equal(list.match(/The previous password, .* works until/g)?.length, 1);
    assert.equal(list.match(/ data-entry /g)?.length, 1, 'one password is one row');
    assert.match(list, /<span class="muted small">1 of 20<\/span>/);
    assert.match((await get(site, path)).body, /It has already been rotated/);
    site.state.now += 25 * 60 * 60 * 1000;
    await assert.rejects(verify(old), /expired/);
    assert.ok(await verify(secret));
  }),
);

test(
  'the first page warns of a password that ends soon, and tells who revoked one',
  withSite(async (site) => {
    await createOne(site, { ...full, name: 'ending' });
    const { password } = await createOne(site, { ...full, name: 'taken', days: '90' });
    const root = { actor: 'root@example.com', client: null };
    await site.passwords.revoke(password.id, null, root);
    const first = (await get(site, '/')).body;
    assert.match(first, /“<bdi>taken<\/bdi>” was revoked .*? by <strong>root@example\.com<\/strong>/s);
    const { password: other } = await createOne(site, { ...full, name: 'taken too', days: '90' });
    await site.passwords.revoke(other.id, null, root);
    const both = /“<bdi>taken( too)?<\/bdi>” and “<bdi>taken( too)?<\/bdi>” were revoked/;
    assert.match((await get(site, '/')).body, both, 'one notice for what one administrator did at one time');
    assert.doesNotMatch(first, /“<bdi>ending<\/bdi>” expires/);
    site.state.now += 26 * day;
    const later = (await get(site, '/')).body;
    assert.match(later, /“<bdi>ending<\/bdi>” expires/);
    assert.doesNotMatch(later, /revoked .*? by <strong>root/s);
  }),
);
