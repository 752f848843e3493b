/** The pages of robots as members of their owner group see them, over HTTP: who is offered what, and what they learn. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { anonymous, type Identity } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import type { Account } from '../../src/store/accounts.ts';
import { unaudited } from '../support/audit.ts';
import { dockerClient } from '../support/password-pages.ts';
import { signedIn } from '../support/rows.ts';
import { type House, startHouse } from '../support/walk.ts';

const policyText = `
groups:
  platform: [ana@example.com]
acl:
  - match: { group: sealed, name: "sealed/*" }
    actions: [pull]
    comment: What is sealed
  - match: { group: platform, name: "team/*" }
    actions: [pull, push]
`;

let house: House;
let ana: Account;
let bo: Account;
let root: Account;
before(async () => {
  house = await startHouse({ policyText });
  const person = (id: string, groups: string[]) => {
    const login = `${id}@example.com`;
    return house.core.store.accounts.signIn(signedIn({ id, subject: id, login, email: login, groups, at: Date.now() }));
  };
  ana = await person('ana', ['google:web@example.com', 'google:web']);
  bo = await person('bo', []);
  root = await person('root', []);
});
after(() => house.stop());

async function send(who: Account | null, path: string, fields?: [string, string][]): Promise<Response> {
  const headers = {
    cookie: who === null ? '' : await house.cookieOf(who, Date.now()),
    accept: 'text/html',
    'sec-fetch-site': 'same-origin',
  };
  const post = fields === undefined ? {} : { method: 'POST', body: new URLSearchParams(fields) };
  return fetch(house.url + path, { redirect: 'manual', headers, ...post });
}

const get = async (who: Account, path: string): Promise<string> => (await send(who, path)).text();

test('a robot is offered to people with a group that can own it, and its groups are theirs to tick, each once', async () => {
  assert.ok(!(await get(bo, '/robots')).includes('New robot'));
  assert.ok((await get(ana, '/robots')).includes('New robot'));
  const form = await get(ana, '/robots/new');
  const boxes = [...form.matchAll(/name="groups" value="([^"]*)"( checked)?/g)].map(([, value, box]) => [value, box]);
  assert.deepEqual(boxes, [
    ['google:web@example.com\ngoogle:web', ' checked'],
    ['platform', undefined],
  ]);
  assert.deepEqual([...form.matchAll(/<option[^>]*>([^<]+)/g)].map(([, name]) => name).slice(-2), [
    'google:web@example.com',
    'platform',
  ]);
});

test('what is ticked is what it has; what an administrator gave it stays to be ticked', async () => {
  const fields: [string, string][] = [
    ['name', 'ticked'],
    ['description', ''],
    ['ownerGroup', 'platform'],
    ['groups', 'platform'],
    ['groups', 'google:web@example.com\r\ngoogle:web'],
  ];
  const made = await send(ana, '/robots/new', fields);
  const path = made.headers.get('location') ?? '';
  const id = path.split('/').at(-1) ?? '';
  const groupsNow = async () => JSON.parse((await house.core.store.robots.byId(id, Date.now()))?.groups_json ?? '');
  assert.deepEqual(await groupsNow(), ['platform', 'google:web@example.com', 'google:web']);
  const foreign = await send(ana, `${path}/change`, [...fields, ['groups', 'sealed']]);
  assert.equal(foreign.status, 403);
  assert.match(await foreign.text(), /You’re not a member of sealed/);
  assert.equal((await send(ana, `${path}/change`, fields.slice(0, 3))).status, 303);
  assert.deepEqual(await groupsNow(), []);
});

test('a form that was opened before someone took a group away doesn’t bring it back', async () => {
  const { store } = house.core;
  const facts = { description: 'Mirror', owner_group: 'platform', labels_json: '{"project":["shop"]}' };
  const row = { ...facts, id: 'stale', login: 'robot-stale', display_name: 'stale', groups_json: '["platform"]' };
  await store.robots.insert({ ...row, created_by: 'root', created_by_id: null, created_at: 1 }, 99, unaudited);
  const path = '/robots/stale/change';
  const versionIn = (page: string) => /name="version" value="([^"]+)"/.exec(page)?.[1] ?? '';
  const form = (version: string, groups: string[]): [string, string][] => [
    ...([
      ['version', version],
      ['description', 'Mirror of the hub'],
      ['ownerGroup', 'platform'],
    ] as [string, string][]),
    ...groups.map((group): [string, string] => ['groups', group]),
  ];
  const opened = versionIn(await get(ana, path));
  const after = { description: 'Mirror', owner_group: 'platform', groups_json: '[]', labels_json: '{}' };
  assert.ok(await store.robots.change('stale', row, after, unaudited));

  const refused = await send(ana, path, form(opened, ['platform']));
  assert.equal(refused.status, 409);
  const page = await refused.text();
  assert.match(page, /Someone else changed this robot meanwhile/);
  assert.match(page, /<dt>Groups now<\/dt><dd>None/);
  assert.match(page, /value="Mirror of the hub"/);
  assert.equal((await store.robots.byId('stale', Date.now()))?.groups_json, '[]');
  assert.equal((await store.robots.byId('stale', Date.now()))?.labels_json, '{}');

  assert.equal((await send(ana, path, form(versionIn(page), []))).status, 303);
  assert.equal((await store.robots.byId('stale', Date.now()))?.description, 'Mirror of the hub');
});

test('its page has the rules that apply, denials and uses, without repositories that only the robot can pull', async () => {
  const { store, passwords, uses, dailyCounts, denials } = house.core;
  const fields = {
    description: '',
    owner_group: 'platform',
    labels_json: '{}',
    created_by: 'root',
    created_by_id: null,
  };
  const row = {
    ...fields,
    id: 'r1',
    login: 'robot-r1',
    display_name: 'r1',
    created_at: 1,
    groups_json: '["platform","sealed"]',
  };
  await store.robots.insert(row, 99, unaudited);
  const input = { name: 'Runner', days: 30, pullOnly: false, repositories: [] };
  const owner = { id: 'r1', login: 'robot-r1', kind: 'robot' } as const;
  const by = { actor: 'root', client: null };
  const { password } = await passwords.issue(owner, input, by, { accountId: null, as: 'administrator' });
  const robot: Identity = {
    ...{ ...anonymous, kind: 'robot', account: 'robot-r1', accountId: 'r1' },
    credential: { id: password.id, name: password.name },
  };
  const repository = (name: string) => ({ type: 'repository', name, actions: ['pull'] });
  uses.record(robot, dockerClient, [repository('team/shop'), repository('sealed/plan')]);
  dailyCounts.login(robot);
  const context = { service: 'registry.example.com', address: '192.0.2.1' };
  denials.record(
    robot,
    [decide(parsePolicy('acl: []', 'policy.yml'), robot, repository('elsewhere'), context)],
    context,
  );

  for (const path of ['/robots/r1', `/robots/r1/passwords/${password.id}`]) {
    const page = await get(ana, path);
    for (const words of ['team/shop', 'docker 28.2.2', '1 login in 30 days']) assert.ok(page.includes(words), words);
    assert.ok(!page.includes('sealed/plan'), 'a name that its owner can’t pull');
    assert.equal((await send(bo, path)).status, 404);
  }
  assert.match(await get(ana, '/robots/r1/remove'), /and all its passwords, including 1 that still works\. This/);
  const page = await get(ana, '/robots/r1');
  assert.match(page, /What is sealed/);
  assert.match(page, /<code>elsewhere<\/code>/);
  const form = await get(ana, '/robots/r1/passwords/new');
  const suggested = [...form.matchAll(/name="also" value="([^"]+)"/g)].map(([, pattern]) => pattern);
  assert.deepEqual(suggested, ['sealed/*', 'team/*', 'team/shop']);
  assert.equal((await send(ana, '/robots/r1/passwords/another')).status, 404);
  assert.equal((await send(ana, `/passwords/${password.id}`)).status, 404, 'it isn’t a password of theirs');
});

const sent = (fields: Record<string, string>): [string, string][] => Object.entries(fields);

test('someone whose session has ended comes back to the form of the robot as it was, with groups of their own only', async () => {
  const fields: [string, string][] = [
    ...sent({ name: 'late', description: 'for "builds"', ownerGroup: 'platform' }),
    ['groups', 'platform'],
    ['groups', 'sealed'],
  ];
  const backOf = async (path: string) => {
    const refused = await send(null, path, fields);
    assert.equal(refused.status, 401);
    const [, href = ''] = /href="\/sign-in\?return_to=([^"]+)"/.exec(await refused.text()) ?? [];
    return decodeURIComponent(href);
  };
  const form = await get(ana, await backOf('/robots/new'));
  assert.match(form, /id="name"[^>]* value="late"/);
  assert.match(form, /id="description"[^>]* value="for &quot;builds&quot;"/);
  assert.match(form, /<option selected>platform</);
  assert.match(form, /value="platform" checked/);
  assert.doesNotMatch(form, /sealed/);
  const ofAdministrators = await get(root, await backOf('/admin/robots/new'));
  assert.match(ofAdministrators, /id="ownerGroup"[^>]* value="platform"/);
  assert.match(ofAdministrators, />platform\nsealed<\/textarea>/);
});

test('the focus is in the field with the mistake, which names what is wrong with it', async () => {
  const fields = { name: 'focus', description: '', ownerGroup: 'platform', groups: '', labels: '' };
  const shown = async (change: Partial<typeof fields>, status: number) => {
    const response = await send(root, '/admin/robots/new', sent({ ...fields, ...change }));
    assert.equal(response.status, status);
    const text = await response.text();
    assert.equal(text.match(/ autofocus/g)?.length, 1);
    const [, field, describedBy] =
      /id="(\w+)"[^>]*aria-invalid="true" aria-describedby="([^"]+)" autofocus/.exec(text) ?? [];
    const [, message] = new RegExp(`id="${field}-error"[\\s\\S]*?<span>([^<]*)`).exec(text) ?? [];
    return [field, describedBy, message];
  };
  const unnamed = 'Give the robot a name, for example ci-frontend.';
  assert.deepEqual(await shown({ name: ' ' }, 400), ['name', 'name-error name-hint', unnamed]);
  const noLabel = '“nonsense” isn’t a label. Write name: value, for example project: shop.';
  for (const labels of ['nonsense', 'team: web\nnonsense']) {
    assert.deepEqual(await shown({ labels }, 400), ['labels', 'labels-error labels-hint', noLabel]);
  }
  for (const labels of [': shop', 'project: ,']) assert.equal((await shown({ labels }, 400))[0], 'labels');
  assert.deepEqual((await shown({ description: 'x'.repeat(201) }, 400)).slice(0, 2), [
    'description',
    'description-error',
  ]);
  assert.equal((await send(root, '/admin/robots/new', sent(fields))).status, 303);
  const taken = 'robot-focus already exists. Choose another name.';
  assert.deepEqual(await shown({}, 409), ['name', 'name-error name-hint', taken]);
});

test('the list says that a robot has been deleted, and nothing else that an address has', async () => {
  const fields = sent({ name: 'gone', description: '', ownerGroup: 'platform' });
  const path = (await send(ana, '/robots/new', fields)).headers.get('location') ?? '';
  const confirmation = await get(ana, `${path}/remove`);
  assert.match(confirmation, /This deletes the robot and all its passwords\. This can’t be undone\./);
  assert.doesNotMatch(await get(ana, '/robots?deleted=gone'), /has been deleted/, 'it’s there');
  const { headers } = await send(ana, `${path}/remove`, []);
  assert.equal(headers.get('location'), '/robots?deleted=gone');
  assert.match(await get(ana, '/robots?deleted=gone'), /role="status"[\s\S]*robot-gone has been deleted\./);
  assert.doesNotMatch(await get(ana, '/robots?deleted=Call+us'), /has been deleted|Call us/);
});

test('its owners change a robot that an administrator gave labels, which stay', async () => {
  const fields = { name: 'labelled', description: '', ownerGroup: 'platform', groups: 'platform' };
  const made = await send(root, '/admin/robots/new', sent({ ...fields, labels: 'project: shop, blog' }));
  const id = made.headers.get('location')?.split('/').at(-1) ?? '';
  const changed = await send(ana, `/robots/${id}/change`, sent({ ...fields, description: 'new' }));
  assert.equal(changed.status, 303);
  const row = await house.core.store.robots.byId(id, Date.now());
  assert.deepEqual([row?.description, row?.labels_json], ['new', '{"project":["shop","blog"]}']);
});
