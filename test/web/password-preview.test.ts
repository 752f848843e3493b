/** The preview of a new password: what it could do, by the policy, with nothing named that its reader can't pull, and nothing made. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Account } from '../../src/store/accounts.ts';
import { unaudited } from '../support/audit.ts';
import { writeRepositories } from '../support/past-repositories.ts';
import { signedIn } from '../support/rows.ts';
import { type House, startHouse } from '../support/walk.ts';

const policyText = `groups:
  platform: [ana@example.com]
acl:
  - match: { name: "platform/**", group: platform }
    actions: [pull, push]
  - match: { account: robot-etl, name: "data/**" }
    actions: [pull]
  - match: { account: ana@example.com, name: "drop/**" }
    actions: [push]
  - match: { account: ana@example.com, name: "vault/*", ip: 10.0.0.0/8 }
    actions: [pull]
  - match: { domain: example.com, name: "base/*" }
    actions: [pull]
`;
const lists = { SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN: 'not-a-secret-but-long-enough-for-one' };

describe('the preview of a password', () => {
  let house: House;
  let withoutLists: House;
  const people: Record<string, Account> = {};
  before(async () => {
    house = await startHouse({ policyText, environment: lists });
    withoutLists = await startHouse({ policyText });
    for (const { core } of [house, withoutLists]) {
      for (const name of ['ana', 'root']) {
        const login = `${name}@example.com`;
        people[name] = await core.store.accounts.signIn(
          signedIn({ id: name, subject: name, login, email: login, at: Date.now() }),
        );
      }
    }
    const { store } = house.core;
    await writeRepositories(store, Date.now());
    const made = { created_by: 'root', created_by_id: null, created_at: 1 };
    const facts = {
      display_name: 'etl',
      description: '',
      owner_group: 'platform',
      groups_json: '[]',
      labels_json: '{}',
    };
    await store.robots.insert({ id: 'etl', login: 'robot-etl', ...facts, ...made }, 10, unaudited);
  });
  after(() => Promise.all([house.stop(), withoutLists.stop()]));

  const form = { name: 'laptop', days: '30', access: 'full', repositories: '' };
  const send = async (fields: Partial<typeof form & { preview: string }>, who = 'ana', base = '', at = house) => {
    const person = people[who];
    assert.ok(person);
    const response = await fetch(`${at.url}${base}/passwords`, {
      ...{ method: 'POST', body: new URLSearchParams({ ...form, ...fields }), redirect: 'manual' },
      headers: { cookie: await at.cookieOf(person, Date.now()), accept: 'text/html', 'sec-fetch-site': 'same-origin' },
    });
    return { status: response.status, text: await response.text() };
  };
  /** Its words, without markup. */
  const previewIn = (text: string) => {
    const [found = ''] = /<section class="preview[\s\S]*?<\/section>/.exec(text) ?? [];
    return found.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
  };
  const asks = { preview: '1' };

  test('names what it could be used for, and the patterns that are no use; the fields stay, and nothing is made', async () => {
    const repositories = 'platform/**\nprod/**';
    const { status, text } = await send({ ...asks, name: 'my <b>laptop', repositories });
    assert.equal(status, 200);
    const told = previewIn(text);
    assert.match(told, /Pull and push platform\/gateway platform\/gateway-charts platform\/runner/);
    assert.match(told, /Nothing you can pull or push matches “prod\/\*\*”/);
    assert.doesNotMatch(told, /base\//);
    assert.match(text, /value="my &lt;b&gt;laptop"/);
    assert.match(text, /name="days" value="30" required checked/);
    assert.match(text, />platform\/\*\*\nprod\/\*\*<\/textarea>/);
    assert.deepEqual(await house.core.store.passwords.ofAccount('ana'), []);
  });

  test('follows the access that was chosen', async () => {
    const told = previewIn((await send({ ...asks, access: 'pull', repositories: 'platform/**\ndrop/**' })).text);
    assert.match(told, /Pull platform\/gateway/);
    assert.doesNotMatch(told, /push platform/);
    assert.match(told, /Nothing you can pull matches “drop\/\*\*”/);
  });

  test('without limits has everything that one can do, whole', async () => {
    const told = previewIn((await send(asks)).text);
    assert.match(told, /Pull and push platform\/gateway .*Pull base\/alpine base\/debian/);
    assert.doesNotMatch(told, /Nothing/);
  });

  test('has a pattern in the place of names that aren’t there yet, or that the reader can’t pull', async () => {
    const told = previewIn((await send({ ...asks, repositories: 'platform/new\ndrop/**\nvault/*' })).text);
    assert.match(told, /Pull and push platform\/new/);
    assert.match(told, /Push drop\/\*\* at most, depending on the repository/);
    assert.match(told, /It depends vault\/\* on the address that it’s used from/);
  });

  test('of a robot names nothing to an administrator who can’t pull it, and nothing beyond the maker to an owner', async () => {
    const fields = { ...asks, repositories: 'data/**' };
    const toRoot = previewIn((await send(fields, 'root', '/admin/robots/etl')).text);
    assert.match(toRoot, /With this password, robot-etl could: Pull data\/\*\* at most/);
    assert.doesNotMatch(toRoot, /data\/etl|more/);
    const toAna = previewIn((await send(fields, 'ana', '/robots/etl')).text);
    assert.match(toAna, /Nothing robot-etl can pull or push matches “data\/\*\*”/);
  });

  test('is the policy’s word on each pattern where no registry reports its repositories', async () => {
    const told = previewIn(
      (await send({ ...asks, repositories: 'platform/**\nprod/x' }, 'ana', '', withoutLists)).text,
    );
    assert.match(told, /Pull and push platform\/\*\* at most, depending on the repository/);
    assert.match(told, /Nothing you can pull or push matches “prod\/x”/);
  });

  test('says what is wrong with a pattern, as creating does', async () => {
    const { status, text } = await send({ ...asks, repositories: 'Team/App' });
    assert.equal(status, 400);
    assert.match(text, /repository names are lower case/);
    assert.equal(previewIn(text), '');
  });

  test('isn’t needed to learn that a pattern is no use: the page of the new password says so', async () => {
    const { status, text } = await send({ repositories: 'platform/*\nprod/**' });
    assert.equal(status, 200);
    assert.match(text, /id="secret"/);
    assert.match(text, /Nothing you can pull or push matches “prod\/\*\*”/);
    assert.doesNotMatch(text, /matches “platform/);
  });
});
