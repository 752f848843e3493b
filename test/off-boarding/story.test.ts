/** The whole way, over HTTP on both sides: what changes in Google's directory, and what `docker login` meets after the next sweep. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createLog } from '../../src/lib/log.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { createGoogleDirectory, type GoogleDirectorySettings } from '../../src/sign-in/google/directory.ts';
import { unaudited } from '../support/audit.ts';
import { createDirectory, type Directory, refusal, tokenPath } from '../support/directory.ts';
import { describeEngines } from '../support/engines.ts';
import { hour, minute, openRegistry, type Registry } from '../support/off-boarding.ts';
import { demoPeople, type Person } from '../support/provider.ts';
import { type Answer, startTokenService, type TokenService } from '../support/token-service.ts';

const [ana = assert.fail(), bo = assert.fail()] = demoPeople;
const people = new Map<string, Person>();
const policy = parsePolicy(
  `
acl:
  - {match: {group: "google:platform", name: "platform/**"}, actions: ["*"]}
  - {match: {domain: example.com}, actions: [pull]}
`,
  'policy.yml',
);

let directory: Directory;
let google: Server;

before(async () => {
  directory = await createDirectory(people);
  google = createServer((request, response) => void directory.answer(request, response)).listen(0, '127.0.0.1');
  await once(google, 'listening');
});
after(() => {
  google.close();
  google.closeAllConnections();
});

type Scene = Registry & { readonly service: TokenService; push(name: string, secret: string): Promise<Answer> };

describeEngines('off-boarding', (databases) => {
  const withRegistry = async (
    action: (scene: Scene) => Promise<void>,
    strategy: GoogleDirectorySettings['strategy'] = 'direct',
  ): Promise<void> => {
    for (const person of [ana, bo]) people.set(person.sub, person);
    directory.mood = 'well';
    directory.replies.splice(0);
    const url = `http://127.0.0.1:${(google.address() as AddressInfo).port}`;
    const credentials = {
      ...{ key: directory.keyFile, serviceAccount: null, admin: null, applicationDefault: null },
      ...{ tokenUrl: url + tokenPath, iamUrl: url, metadataUrl: url },
    };
    const settings: GoogleDirectorySettings = {
      strategy,
      ...{ depth: 5, directoryUrl: url, cloudIdentityUrl: url, domains: ['example.com'], credentials },
      ...{ groupDomains: ['example.com'], customerId: null },
    };
    const wait = async () => {};
    const parts = { fetch, now: Date.now, wait, random: () => 0, log: createLog('silent'), named: () => [] };
    const registry = await openRegistry(await databases.create(), () => ({
      directories: new Map([['google', createGoogleDirectory(settings, parts)]]),
    }));
    const service = await startTokenService({
      authenticators: [registry.passwords.authenticator],
      policy: () => policy,
    });
    const push = (name: string, secret: string) =>
      service.get(
        [
          ['service', 'registry.example.com'],
          ['scope', 'repository:platform/web:pull,push'],
        ],
        { user: `${name}@example.com`, password: secret },
      );
    try {
      await action({ ...registry, service, push });
    } finally {
      await service.stop();
      await registry.close();
    }
  };
  const granted = ({ claims }: Answer) => claims?.access.flatMap(({ actions }) => actions) ?? [];

  test('suspend in the directory -> the next sweep -> docker login refused with the reason', () =>
    withRegistry(async ({ addPerson, sweep, push, clock, account }) => {
      const secret = await addPerson('ana', { subject: ana.sub });
      clock.at += 15 * minute;
      await sweep();
      assert.deepEqual(granted(await push('ana', secret)), ['pull', 'push']);

      people.set(ana.sub, { ...ana, suspended: true });
      assert.equal((await push('ana', secret)).status, 200, 'the realm asks nobody');
      clock.at += 15 * minute;
      await sweep();
      const refused = await push('ana', secret);
      assert.equal(refused.status, 401);
      assert.match(
        JSON.stringify(refused.body),
        /the account ana@example.com is disabled since 2026-11-23 09:30 UTC: suspended \(ADMIN\) in the Google directory; ask the administrator/,
      );
      assert.equal((await account('ana')).state, 'disabled');
    }));

  for (const [size, state] of [
    [2, 'disabled'],
    [10, 'active'],
  ] as const) {
    test(`"Domain not found" revokes no one of ${size}; a directory that calls all of them deleted: ${state}`, () =>
      withRegistry(async ({ addPerson, sweep, offBoarding, account, clock }) => {
        const names = Array.from({ length: size }, (_, index) => `p${index}`);
        for (const name of names) await addPerson(name, { subject: name });
        const signIn = async (name: string) => {
          const one = await account(name);
          const person = {
            ...{ provider: 'google', issuer: one.issuer, subject: one.subject, email: one.email, emailVerified: true },
            ...{
              displayName: null,
              domain: 'example.com',
              groups: null,
              groupsLeftOut: false,
              groupsProblem: null,
              refreshToken: null,
            },
            ...{ providerSession: null, authenticatedAt: null },
          };
          const client = { address: '', userAgent: '', requestId: '' };
          await offBoarding.afterSignIn({ account: one, before: one }, person, client);
        };
        const states = async () => Promise.all(names.map(async (name) => (await account(name)).state));
        const reply = refusal(404, 'notFound', 'Domain not found.');
        directory.replies.push({ to: /\/users\//, reply });
        clock.at += hour;
        await sweep();
        for (const name of names) await signIn(name);
        assert.deepEqual(new Set(await states()), new Set(['active']), 'it is no word about the person');
        directory.replies.splice(0);

        clock.at += hour;
        await sweep();
        assert.deepEqual(new Set(await states()), new Set([state]));
        if (state !== 'active') return;
        for (const name of names) await assert.rejects(signIn(name), /is deleted in the Google directory/);
        assert.deepEqual(new Set(await states()), new Set(['active']), 'refused, and nothing revoked');
        await sweep({ beyondLimit: true, age: 0 });
        assert.deepEqual(new Set(await states()), new Set(['disabled']));
      }));
  }

  for (const strategy of ['direct', 'recursive', 'transitive'] as const) {
    test(`a partner's group that an outsider puts someone into changes nothing (${strategy})`, () =>
      withRegistry(async ({ addPerson, sweep, push, clock, account }) => {
        const secret = await addPerson('ana', { subject: ana.sub });
        directory.parents.set('platform@example.com', ['root@evil.example']);
        clock.at += 15 * minute;
        await sweep();
        assert.deepEqual(granted(await push('ana', secret)), ['pull', 'push']);
        assert.doesNotMatch((await account('ana')).groups_json, /evil/);
        directory.parents.clear();
      }, strategy));
  }

  test('a group that is taken away in the directory is gone from the decisions after the next sweep', () =>
    withRegistry(async ({ addPerson, sweep, push, clock, events }) => {
      const secret = await addPerson('ana', { subject: ana.sub });
      assert.deepEqual(granted(await push('ana', secret)), ['pull'], 'unknown groups match no rule');
      clock.at += 15 * minute;
      await sweep();
      assert.deepEqual(granted(await push('ana', secret)), ['pull', 'push']);
      people.set(ana.sub, { ...ana, groups: [] });
      clock.at += 15 * minute;
      await sweep();
      assert.deepEqual(granted(await push('ana', secret)), ['pull']);
      assert.deepEqual(events.at(-1)?.detail, {
        added: [],
        removed: ['google:platform@example.com', 'google:platform'],
      });
    }));

  test('the provider is down for 23 hours and no one notices; for 25 hours, and passwords rest until it is back', () =>
    withRegistry(async ({ addPerson, sweep, push, clock, account }) => {
      const secret = await addPerson('ana', { subject: ana.sub });
      clock.at += 15 * minute;
      await sweep();
      directory.mood = 'down';
      const passHours = async (count: number) => {
        for (let passed = 0; passed < count; passed++) {
          clock.at += hour;
          await sweep();
        }
      };
      await passHours(23);
      assert.deepEqual(granted(await push('ana', secret)), ['pull', 'push']);
      await passHours(2);
      const refused = await push('ana', secret);
      assert.equal(refused.status, 401);
      assert.match(
        JSON.stringify(refused.body),
        /google could not be asked about ana@example.com since 2026-11-23 09:15 UTC; sign in again: https:/,
      );
      assert.equal((await account('ana')).state, 'active', 'nobody has left because a provider is silent');
      directory.mood = 'well';
      clock.at += hour;
      await sweep();
      assert.deepEqual(granted(await push('ana', secret)), ['pull', 'push']);
    }));

  test('bo stays when ana leaves, and ana comes back with a sign-in and a new password', () =>
    withRegistry(async ({ addPerson, sweep, push, clock, offBoarding, account, store }) => {
      const [anas, bos] = [await addPerson('ana', { subject: ana.sub }), await addPerson('bo', { subject: bo.sub })];
      people.delete(ana.sub);
      clock.at += 15 * minute;
      await sweep();
      assert.deepEqual([(await push('ana', anas)).status, (await push('bo', bos)).status], [401, 200]);
      people.set(ana.sub, ana);
      const before = await account('ana');
      await store.accounts.setState(
        before.id,
        { state: 'active', reason: null, by: 'provider', at: clock.at },
        unaudited,
      );
      const profile = { groups: null, refreshToken: null } as Parameters<typeof offBoarding.afterSignIn>[1];
      const client = { address: '', userAgent: '', requestId: '' };
      await offBoarding.afterSignIn({ account: await account('ana'), before }, profile, client);
      assert.equal((await push('ana', anas)).status, 401, 'the old password stays revoked');
      assert.deepEqual(JSON.parse((await account('ana')).groups_json), [
        'google:platform@example.com',
        'google:platform',
      ]);
    }));
});
