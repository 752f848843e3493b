/** The API as a program sees it: a running service, tokens from the command line, HTTP. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { createInput } from '../src/api/input.ts';
import { repositoryRoutes } from '../src/api/repositories.ts';
import { openStore } from '../src/store/open.ts';
import type { RepositoryFilter } from '../src/store/repositories.ts';
import { createInstallation, type Installation, type Server } from './support/installation.ts';

type Answer = { readonly status: number; readonly body: Record<string, unknown>; readonly text: string };

/** Nobody asks it: it's only what accounts can move to. */
const provider = {
  OIDC_PROVIDERS: 'kc',
  OIDC_KC_ISSUER: 'https://kc.example.com/new',
  OIDC_KC_CLIENT_ID: 'dockpass',
  OIDC_KC_CLIENT_SECRET: 'not-a-secret',
};

describe('the API', () => {
  let installation: Installation;
  let server: Server;
  let token = '';
  before(async () => {
    installation = createInstallation();
    server = await installation.serve({ ADMIN_EMAILS: 'root@example.com', ...provider });
    for (const name of ['ana', 'bo', 'root']) await installation.addPerson(`${name}@example.com`);
    token = await createToken(
      'people:read,people:write,passwords:read,passwords:revoke,robots:read,robots:write,workloads:read,workloads:write,repositories:read,requests:read,requests:answer,audit:read,policy:explain',
    );
  });
  after(async () => {
    await server.stop();
    installation.remove();
  });

  const createToken = async (scopes: string): Promise<string> => {
    const { output } = await installation.command([
      'api-token',
      'create',
      '--name',
      'test',
      '--days',
      '1',
      '--scopes',
      scopes,
    ]);
    return /dka_\w+/.exec(output)?.[0] ?? '';
  };
  const call = async (method: string, path: string, body?: unknown, secret = token): Promise<Answer> => {
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /^application\/json(;|$)/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, body: isJson ? (JSON.parse(text) as Answer['body']) : {}, text };
  };
  const createPassword = async (login: string, name: string): Promise<string> => {
    const { output } = await installation.command(['password', 'create', login, '--name', name, '--days', '7']);
    return /dkp_\w+/.exec(output)?.[0] ?? '';
  };
  const login = async (user: string, secret: string): Promise<number> => {
    const authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
    const target = `${server.url}/auth?service=registry.example.com&scope=repository:x/y:pull`;
    return (await fetch(target, { headers: { authorization } })).status;
  };

  test('a reason with what a terminal obeys, or no one sees, is refused wherever one is given', async () => {
    const { person } = (await call('GET', '/people/bo@example.com')).body as { person: { id: string } };
    for (const reason of ['left\u001b[2J', 'left\u202e', 'a\0b', 'two\nlines']) {
      for (const [path, more] of [
        ['/people/bo@example.com/disable', {}],
        ['/revocations', { accountId: person.id }],
      ] as const) {
        const { status, text } = await call('POST', path, { ...more, reason });
        assert.equal(status, 400, JSON.stringify([path, reason]));
        assert.match(text, /control or invisible character|NUL/);
      }
    }
  });

  test('a program that reads page after page comes to an end', async () => {
    const page = async (path: string) => (await call('GET', path)).body as Record<string, unknown[]>;
    const { people, total } = await page('/people');
    assert.ok((people?.length ?? 0) > 0);
    const beyond = await page('/people?page=2');
    assert.deepEqual([beyond['people'], beyond['page'], beyond['total']], [[], 2, total]);
    assert.deepEqual((await page('/repositories?page=1000000000'))['repositories'], []);
    for (const wrong of ['0', '-1', 'x', '', '1.5', '999999999999999']) {
      for (const path of ['/people', '/repositories']) {
        assert.equal((await call('GET', `${path}?page=${wrong}`)).status, 400, `${path} ${wrong}`);
      }
    }
  });

  test('what filters nothing that there is, or is damaged, is refused', async () => {
    const { entries } = (await call('GET', '/audit')).body as { entries: { id: string }[] };
    const newest = entries[0]?.id ?? '';
    const older = (await call('GET', `/audit?before=${newest}`)).body as { entries: { id: string }[] };
    assert.equal(
      older.entries.some(({ id }) => id === newest),
      false,
    );
    for (const path of [
      '/audit?before=x',
      '/audit?before=1',
      '/audit?before=9999999999999999999',
      `/audit?before=${newest.slice(1)}`,
      '/audit?before=',
      '/audit?action=nope',
      '/audit.csv?action=nope',
      '/audit?person=',
      '/denials?account=',
      '/people?provider=nope',
      '/people?domain=',
      '/people?group=',
      '/repositories?service=nope',
      '/people?search=%00',
      '/people/%00',
    ]) {
      assert.equal((await call('GET', path)).status, 400, path);
    }
    for (const path of ['/people?provider=kc', '/people?provider=google', '/audit?action=sign-in', '/people?search=']) {
      assert.equal((await call('GET', path)).status, 200, path);
    }
  });

  test('disabling someone again keeps the first reason, and the answer says so', async () => {
    await installation.addPerson('cy@example.com');
    await call('POST', '/people/cy@example.com/disable', { reason: 'has left' });
    const { status, body } = await call('POST', '/people/cy@example.com/disable', { reason: 'other' });
    assert.deepEqual([status, body['stateReason'], body['stateBy']], [200, 'has left', 'command line']);
    const { output } = await installation.command(['person', 'disable', 'cy@example.com', '--reason', 'third']);
    assert.match(output, /cy@example\.com is disabled already, by command line: has left\./);
  });

  test('a program that is refused reads what to send instead', async () => {
    const ask = (headers: Record<string, string>) => fetch(`${server.url}/api/v1/people`, { headers });
    const challengeOf = async (headers: Record<string, string>) => {
      const { status, headers: answered } = await ask(headers);
      return `${status} ${answered.get('www-authenticate')}`;
    };
    assert.equal(await challengeOf({}), '401 Bearer');
    assert.equal(await challengeOf({ Authorization: 'Bearer wrong' }), '401 Bearer error="invalid_token"');
    const reader = await createToken('audit:read');
    assert.equal(
      await challengeOf({ Authorization: `Bearer ${reader}` }),
      '403 Bearer error="insufficient_scope", scope="people:read"',
    );
    assert.equal(await challengeOf({ Authorization: `Bearer ${token}` }), '200 null');
  });

  test('two Authorization headers are refused, whichever of them is right', async () => {
    for (const Authorization of [
      [`Bearer ${token}`, 'Bearer x'],
      ['Bearer x', `Bearer ${token}`],
    ]) {
      const [answer] = await once(get(`${server.url}/api/v1/people`, { headers: { Authorization } }), 'response');
      assert.equal(answer.statusCode, 400);
      assert.match(await text(answer), /the Authorization header more than once. Send one/);
    }
  });

  test('a body that cannot be read is refused in words for a program', async () => {
    const post = async (body: string, type = 'application/json') => {
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': type };
      const response = await fetch(`${server.url}/api/v1/people/bo@example.com/disable`, {
        method: 'POST',
        headers,
        body,
      });
      const { errors } = (await response.json()) as { errors: { message: string }[] };
      return `${response.status} ${errors[0]?.message}`;
    };
    for (const body of ['{', 'null', '"x"', '{"reason": 1,}']) {
      assert.equal(await post(body), '400 The body must be a valid JSON object, in UTF-8.', body);
    }
    assert.match(await post('[]'), /^400 .*object/);
    assert.equal(await post('{}', 'application/json; charset=latin1'), '400 Send the body in UTF-8.');
    const { person } = (await call('GET', '/people/bo@example.com')).body as { person: { state: string } };
    assert.equal(person.state, 'active');
  });

  test('off-boarding by e-mail counts on the next request, and is undone by enabling', async () => {
    const secret = await createPassword('ana@example.com', 'laptop');
    assert.equal(await login('ana@example.com', secret), 200);
    const { status, body } = await call('POST', '/people/Ana@Example.com/disable', { reason: 'has left' });
    assert.deepEqual([status, body['state'], body['stateReason']], [200, 'disabled', 'has left']);
    assert.equal(await login('ana@example.com', secret), 401);
    await call('POST', '/people/ana@example.com/enable', {});
    assert.equal(await login('ana@example.com', secret), 200);
  });

  test('an account that is removed is in the audit, and its name is kept until it is released', async () => {
    await installation.addPerson('gone@example.com');
    const secret = await createPassword('gone@example.com', 'laptop');
    const dry = await installation.command(['person', 'remove', 'gone@example.com']);
    assert.match(dry.output, /gone@example.com of google: 1 active password, 0 sessions\..*\nNothing was removed/);
    assert.equal(await login('gone@example.com', secret), 200);
    assert.equal((await call('POST', '/people/gone@example.com/remove', {})).status, 200);
    assert.equal(await login('gone@example.com', secret), 401);
    assert.equal((await call('GET', '/people/gone@example.com')).status, 404);
    const { entries } = (await call('GET', '/audit?action=person.remove')).body as { entries: { subject: string }[] };
    assert.deepEqual(
      entries.map(({ subject }) => subject),
      ['gone@example.com'],
    );
    const { logins } = (await call('GET', '/kept-logins?search=GONE')).body as { logins: { login: string }[] };
    assert.deepEqual(
      logins.map(({ login: name }) => name),
      ['gone@example.com'],
    );
    assert.match((await installation.command(['person', 'kept'])).stdout, /^gone@example\.com {2}person {2}/m);
    assert.equal((await call('POST', '/kept-logins/release', { login: 'gone@example.com' })).status, 200);
    assert.equal((await call('POST', '/kept-logins/release', { login: 'gone@example.com' })).status, 404);
    await installation.addPerson('gone@example.com');
    const byCommand = await installation.command(['person', 'remove', 'gone@example.com', '--yes']);
    assert.match(byCommand.stdout, /gone@example.com is removed/);
    assert.match(
      (await installation.command(['person', 'release', 'gone@example.com'])).stdout,
      /can be given to someone/,
    );
  });

  test('accounts may follow their people to another issuer or provider: looked at, allowed, listed, ended', async () => {
    const { body: preview } = await call('GET', '/people/ana@example.com/relink');
    const { issuer } = preview['account'] as { issuer: string };
    assert.deepEqual([preview['providers'], preview['allowed']], [['kc'], []]);
    const move = { from: issuer, to: provider.OIDC_KC_ISSUER };
    const { accounts } = (await call('POST', '/moves/preview', move)).body;
    assert.equal(accounts, preview['accountsOfIssuer']);
    assert.equal((await call('POST', '/moves/preview', { ...move, to: 'https://typo' })).status, 400);
    assert.deepEqual((await call('GET', '/moves')).body['moves'], [], 'a preview allows nothing');
    assert.equal((await call('POST', '/moves', move)).body['accounts'], accounts);
    assert.equal((await call('POST', '/people/ana@example.com/relink', { provider: 'google' })).status, 400);
    assert.equal((await call('POST', '/people/ana@example.com/relink', { provider: 'kc' })).status, 200);
    const listed = (await call('GET', '/moves')).body['moves'] as { id: string; kind: string; by: string }[];
    assert.deepEqual(listed.map(({ kind }) => kind).sort(), ['move', 'relink']);
    const byCommand = await installation.command(['person', 'moves'], provider);
    assert.deepEqual(byCommand.stdout.trim().split('\n').length, 2, byCommand.output);
    const [first, second] = listed.map(({ id }) => id);
    assert.deepEqual((await call('POST', `/moves/${first}/end`, {})).body, { ended: true });
    assert.equal((await call('POST', `/moves/${first}/end`, {})).status, 404);
    assert.equal((await installation.command(['person', 'moves', '--end', String(second)], provider)).code, 0);
    assert.deepEqual((await call('GET', '/moves')).body['moves'], []);
    const { entries } = (await call('GET', '/audit?action=person.end-move')).body as { entries: unknown[] };
    assert.equal(entries.length, 2);
    const dry = await installation.command(
      ['person', 'relink', 'bo@example.com', '--provider', 'kc', '--dry-run'],
      provider,
    );
    assert.match(dry.stdout, /bo@example\.com \(active, .* at .*\) could follow the next verified sign-in through kc/);
  });

  test('people whose address passes for another one keep working, and are listed', async () => {
    await installation.addPerson('\u0430na@example.com');
    const { stdout } = await installation.command(['person', 'list', '--confusable', '--json']);
    const listed = JSON.parse(stdout) as { login: string }[];
    assert.deepEqual(
      listed.map(({ login: name }) => name),
      ['\u0430na@example.com'],
    );
    assert.equal(await login('\u0430na@example.com', await createPassword('\u0430na@example.com', 'laptop')), 200);
  });

  test('a preview, the revocation of just that, and its undoing', async () => {
    const secret = await createPassword('bo@example.com', 'ci');
    const accountId = ((await call('GET', '/people/bo@example.com')).body['person'] as { id: string }).id;
    const preview = await call('POST', '/revocations/preview', { accountId });
    assert.deepEqual([preview.body['people'], preview.body['passwords']], [1, 1]);
    assert.equal((await call('POST', '/revocations', { accountId, expected: 7 })).status, 409);
    const { body } = await call('POST', '/revocations', { accountId, expected: 1, reason: 'lost' });
    assert.equal(await login('bo@example.com', secret), 401);
    assert.deepEqual((await call('POST', `/revocations/${body['id']}/undo`, {})).body, { restored: 1 });
    assert.equal(await login('bo@example.com', secret), 200);
  });

  test('a typo never widens a selection', async () => {
    const { status, body } = await call('POST', '/revocations', { provider: 'google', createdBefor: 1 });
    assert.equal(status, 400);
    assert.match(JSON.stringify(body), /no field \\"createdBefor\\" here/);
    assert.equal((await call('POST', '/revocations', {})).status, 400);
  });

  test('nor does an empty variable', async () => {
    const fields = ['domain', 'group', 'createdBefore', 'unusedSince', 'expected'];
    for (const field of fields) {
      const { status, body } = await call('POST', '/revocations', { provider: 'google', [field]: '' });
      assert.deepEqual([status, JSON.stringify(body).includes(`\\"${field}\\" `)], [400, true], field);
    }
    assert.equal((await call('POST', '/revocations', { provider: 'google', domain: null })).status, 400);
    assert.equal((await call('POST', '/revocations/preview', { provider: 'google', unusedSince: null })).status, 400);
  });

  test('a holder of a secret revokes it without a token, forever', async () => {
    const secret = await createPassword('root@example.com', 'leaked');
    const report = (body: unknown) => call('POST', '/leaked', body, '');
    assert.deepEqual((await report({ secret })).body, { revoked: true });
    assert.equal(await login('root@example.com', secret), 401);
    assert.equal((await report({ secret: `${secret.slice(0, -1)}!` })).status, 404);
    assert.equal((await report({})).status, 400);
    assert.ok(!server.output().includes(secret.slice(8)), 'the log does not have it');
  });

  test('a robot, its password, its rotation', async () => {
    const input = { name: 'ci', ownerGroup: 'platform', groups: ['platform'] };
    const { body: robot } = await call('POST', '/robots', input);
    const made = await call('POST', `/robots/${robot['id']}/passwords`, { name: 'runner', days: 30 });
    assert.deepEqual(made.body['warnings'], []);
    assert.equal(await login('robot-ci', made.body['secret'] as string), 200);
    const { id } = made.body['password'] as { id: string };
    const rotation = { days: 30, overlapHours: 0 };
    const rotated = await call('POST', `/robots/${robot['id']}/passwords/${id}/rotate`, rotation);
    assert.equal(await login('robot-ci', rotated.body['secret'] as string), 200);
    assert.equal(await login('robot-ci', made.body['secret'] as string), 401);
    assert.equal((await call('POST', '/robots', { ...input, name: 'No' })).status, 400);
  });

  test('patterns that a password can do nothing at are answered as warnings', async () => {
    const input = { name: 'runner', days: 30, pullOnly: true, repositories: ['prod/**'] };
    const warningsOf = async (name: string, groups: readonly string[]) => {
      const { body: robot } = await call('POST', '/robots', { name, ownerGroup: 'platform', groups });
      const { body } = await call('POST', `/robots/${robot['id']}/passwords`, input);
      assert.match(String(body['secret']), /^dkr_/);
      return body['warnings'];
    };
    assert.deepEqual(await warningsOf('idle', []), ['Nothing robot-idle can pull matches “prod/**”.']);
    assert.deepEqual(await warningsOf('busy', ['platform']), []);
  });

  test('a limit that a variable leaves empty is refused, and not answered as if none had been sent', async () => {
    const { id } = (await call('POST', '/robots', { name: 'limits', ownerGroup: 'platform' })).body;
    const input = { name: 'runner', days: 30 };
    for (const [limit, message] of [
      [{ repositories: [''] }, /pattern is empty/],
      [{ repositories: ['prod/**', ' '] }, /pattern is empty/],
      [{ repositories: null }, /.repositories.. must be a list/],
      [{ pullOnly: null }, /.pullOnly.. must be true or false/],
    ] as const) {
      const { status, text } = await call('POST', `/robots/${id}/passwords`, { ...input, ...limit });
      assert.equal(status, 400, text);
      assert.match(text, message);
    }
    assert.deepEqual((await call('GET', `/robots/${id}`)).body['passwords'], []);
  });

  test('what was done and denied can be read, also as files', async () => {
    const secret = await createPassword('bo@example.com', 'denied');
    await login('bo@example.com', secret);
    const { body } = await call('GET', '/denials?account=bo%40example.com&repository=x/y');
    assert.deepEqual(
      (body['denials'] as { action: string }[]).map(({ action }) => action),
      ['pull'],
    );
    const lines = (await call('GET', '/audit.jsonl?person=bo%40example.com')).text.trimEnd().split('\n');
    assert.ok(lines.map((line) => JSON.parse(line).action).includes('password.create'));
    assert.match((await call('GET', '/audit.csv')).text, /^time,action,actor,subject/);
    assert.ok(!(await call('GET', '/audit.jsonl')).text.includes(secret));
    assert.equal((await call('GET', '/audit?frm=1')).status, 400);
  });

  test('an export is as slow as its reader, while events are added; a reader can leave', async () => {
    const store = await openStore(`sqlite:${installation.folder}/data/dockpass.db`, () => {});
    const event = (index: number) => ({
      ...{
        id: `0000${String(index).padStart(8, '0')}`,
        at: 1_000 + index,
        action: 'sign-in',
        actor: 'many',
        subject: 'many',
      },
      ...{ address: null, client: 'x'.repeat(500), request_id: null, repository: null, detail_json: '{}' },
    });
    for (let piece = 0; piece < 20; piece++) {
      await store.audit.add(Array.from({ length: 1_000 }, (_, index) => event(piece * 1_000 + index)));
    }
    const headers = { Authorization: `Bearer ${token}` };
    const download = (signal?: AbortSignal) =>
      fetch(`${server.url}/api/v1/audit.jsonl?person=many`, { headers, ...(signal && { signal }) });

    const slow = await download();
    const leaving = new AbortController();
    const gone = await download(leaving.signal);
    await gone.body?.getReader().read();
    leaving.abort();
    await store.audit.add([event(20_000), event(20_001)]);
    await store.close();
    assert.equal((await call('GET', '/people')).status, 200, 'others are answered');
    const lines = (await slow.text()).trimEnd().split('\n');
    const ids = new Set(lines.map((line) => JSON.parse(line).id));
    assert.deepEqual([lines.length, ids.size], [20_000, 20_000]);
    assert.doesNotMatch(server.output(), /"level":"error"/);
  });

  test('people are found by group as well', async () => {
    const logins = async (group: string) => {
      const { people } = (await call('GET', `/people?group=${group}`)).body as { people: { login: string }[] };
      return people.map(({ login: name }) => name);
    };
    assert.deepEqual(await logins('platform'), ['ana@example.com']);
    assert.deepEqual(await logins('nobody'), []);
    const { stdout } = await installation.command(['person', 'list', '--group', 'platform']);
    assert.match(stdout, /^ana@example.com .*\n$/);
  });

  test('the operations on people show no robot, by id or by login', async () => {
    const made = await call('POST', '/robots', { name: 'hidden', ownerGroup: 'platform' });
    assert.equal(made.status, 200);
    for (const name of [made.body['id'], 'robot-hidden']) {
      assert.equal((await call('GET', `/people/${name}`)).status, 404);
    }
  });

  test('repositories are paged to the end by name, and in other orders as far as sorting holds up no one', async () => {
    for (const query of ['page=1000000', 'order=size&page=200', 'order=pushed']) {
      assert.deepEqual((await call('GET', `/repositories?${query}`)).body, { count: 0, repositories: [] }, query);
    }
    const { status, text } = await call('GET', '/repositories?order=size&page=201');
    assert.equal(status, 400);
    assert.match(text, /at most 200 in this order/);
  });

  test('a service that is none is refused, not answered as one without repositories', async () => {
    for (const path of ['/repositories', '/repositories.csv', '/repositories.jsonl']) {
      const { status, text } = await call('GET', `${path}?service=registry.example.con`);
      assert.equal(status, 400, path);
      assert.match(text, /must be one of registry\.example\.com/, path);
      assert.equal((await call('GET', `${path}?service=registry.example.com`)).status, 200, path);
    }
  });

  test('a body that is no JSON is refused, and not answered as if none had been sent', async () => {
    const path = `${server.url}/api/v1/people/bo@example.com/disable`;
    const body = '{"reason":"has left","forSecurity":true}';
    const chunked = new Blob([body]).stream();
    // As curl sends it without a header, and without a type or a length.
    for (const [type, sent] of [
      ['application/x-www-form-urlencoded', body],
      ['text/plain', body],
      [null, chunked],
    ] as const) {
      const headers = { Authorization: `Bearer ${token}`, ...(type !== null && { 'Content-Type': type }) };
      const answer = await fetch(path, { method: 'POST', headers, body: sent, duplex: 'half' } as RequestInit);
      assert.equal(answer.status, 400, String(type));
      assert.match(await answer.text(), /Content-Type: application\/json/);
    }
    for (const sent of [[JSON.parse(body)], [], null, 'has left', 5]) {
      const answer = await call('POST', '/people/bo@example.com/disable', sent);
      assert.equal(answer.status, 400, answer.text);
    }
    const { person } = (await call('GET', '/people/bo@example.com')).body as { person: { state: string } };
    assert.equal(person.state, 'active');
    const headers = { Authorization: `Bearer ${token}` };
    const without = await fetch(path.replace('disable', 'end-sessions'), { method: 'POST', headers });
    assert.equal(without.status, 200);
  });

  test('what the description says of files and bodies is so', async () => {
    const { paths } = (await call('GET', '/openapi.json', undefined, '')).body as {
      paths: Record<string, Record<string, Described>>;
    };
    type Described = {
      requestBody?: { required: boolean };
      responses: { 200: { content: Record<string, object> } };
    };
    for (const path of Object.keys(paths).filter((name) => /\.(csv|jsonl)$/.test(name))) {
      const answer = await fetch(`${server.url}/api/v1${path}`, { headers: { Authorization: `Bearer ${token}` } });
      const type = answer.headers.get('content-type') ?? '';
      assert.deepEqual(Object.keys(paths[path]?.['get']?.responses[200].content ?? {}), [type.split(';')[0]]);
      assert.match(type, path.endsWith('csv') ? /^text\/csv;/ : /^application\/jsonl$/);
      assert.match(answer.headers.get('content-disposition') ?? '', /^attachment; filename=/);
    }
    const isRequired = (path: string) => paths[path]?.['post']?.requestBody?.required;
    assert.deepEqual([isRequired('/explain'), isRequired('/people/{id}/disable')], [true, false]);
  });

  test('explain answers as the policy does, and is in the audit', async () => {
    const { body } = await call('POST', '/explain', { who: 'ana@example.com', scope: 'repository:x/y:push' });
    assert.deepEqual(body['granted'], ['push']);
    const { entries } = (await call('GET', '/audit?action=policy.explain&repository=x/y')).body as {
      entries: { actor: string; detail: { apiToken?: { name: string }; scope?: string } }[];
    };
    assert.deepEqual([entries[0]?.actor, entries[0]?.detail.apiToken?.name], ['command line', 'test']);
    assert.equal(entries[0]?.detail.scope, 'repository:x/y:push');
  });

  test('explain refuses a scope that no registry would ask for, and an invalid address', async () => {
    const table: readonly [scope: string, address: string, field: string, message: RegExp][] = [
      ['team/app', '', 'scope', /isn't a scope such as/],
      ['repository:x/y:psh', '', 'scope', /no registry knows psh on repository:x\/y/],
      ['repository:x/y:pull', '10.0.0.300', 'address', /10\.0\.0\.300.* isn't an IPv4 or IPv6 address/],
    ];
    for (const [scope, address, field, message] of table) {
      const { status, text } = await call('POST', '/explain', { who: 'ana@example.com', scope, address });
      assert.equal(status, 400, field);
      assert.match(text, message);
    }
  });

  test('explain knows the groups and the labels of a robot, in the API as on the command line', async () => {
    const labels = { team: ['blue'] };
    const input = { name: 'scan', ownerGroup: 'platform', groups: ['scanners'], labels };
    await call('POST', '/robots', input);
    const origin = "from the robot's record";
    const { body } = await call('POST', '/explain', { who: 'robot-scan', scope: 'repository:x/y:pull' });
    assert.deepEqual(body['groups'], [{ name: 'scanners', origin }]);
    const file = join(installation.folder, 'labels.yml');
    writeFileSync(file, 'acl: [{match: {labels: {team: blue}}, actions: [pull]}]');
    const explained = ['policy', 'explain', 'robot-scan', 'repository:x/y:pull'];
    const { stdout } = await installation.command(explained, { POLICY_FILE: file });
    assert.match(stdout, new RegExp(`^groups: scanners \\(${origin}\\)$`, 'm'));
    assert.match(stdout, /^granted: pull$/m);
  });

  test('no operation but a report of a leak is open, each wants its own scope, and none takes a field that it does not know', async () => {
    const description = (await call('GET', '/openapi.json', undefined, '')).body as {
      paths: Record<string, Record<string, { security: { token: string[] }[] }>>;
    };
    const reader = await createToken('audit:read');
    const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { security }]) => ({ path, method, scope: security[0]?.token[0] })),
    );
    assert.ok(operations.length > 20);
    for (const { path, method, scope } of operations) {
      const target = path.replaceAll(/\{\w+\}/g, 'x');
      const body = method === 'get' ? undefined : {};
      const label = `${method} ${path}`;
      if (scope === undefined) {
        assert.equal(label, 'post /leaked');
        continue;
      }
      assert.equal((await call(method.toUpperCase(), target, body, '')).status, 401, label);
      const typo = method === 'get' ? undefined : { typo: 1 };
      const refused = await call(method.toUpperCase(), typo ? target : `${target}?typo=1`, typo);
      assert.equal(refused.status, 400, label);
      assert.match(refused.text, /There is no field \\"typo\\" here/, label);
      const status = (await call(method.toUpperCase(), target, body, reader)).status;
      assert.equal(status, scope === 'audit:read' ? 200 : 403, label);
    }
  });

  test('an app password opens nothing, and neither does the cookie of a session', async () => {
    const secret = await createPassword('ana@example.com', 'no token');
    assert.equal((await call('GET', '/people', undefined, secret)).status, 401);
    const response = await fetch(`${server.url}/api/v1/people`, { headers: { cookie: 'dockpass=x' } });
    assert.equal(response.status, 401);
    assert.equal((await call('GET', '/nothing')).status, 404);
    assert.equal((await call('POST', '/leaked', 'x'.repeat(70_000), '')).status, 413);
  });
});

test('repositories are searched for in lower case, as they are called: PostgreSQL tells cases apart', async () => {
  const searched: RepositoryFilter[] = [];
  const nothing = async () => [];
  const repositories = {
    list: async (filter: RepositoryFilter) => {
      searched.push(filter);
      return [];
    },
    count: async () => 0,
    ...{ after: nothing, byNames: nothing, byName: async () => undefined, recount: async () => undefined },
  };
  const [list] = repositoryRoutes({ repositories, services: ['registry.example.com'] });
  const query = createInput({ search: 'Team/App' }, list?.query);
  const by = { actor: 'ana', client: null };
  await list?.run({ by, accountId: null, param: () => '', query, body: createInput({}) });
  assert.deepEqual(
    searched.map(({ search }) => search),
    ['team/app'],
  );
});
