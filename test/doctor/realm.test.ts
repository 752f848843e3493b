/** What is right for most clients and not for all: the domain of the realm, for Apple's container. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkRealm } from '../../src/doctor/realm.ts';

/** A Dockpass that answers at any address. */
const dockpass = async (url: URL) => ({
  status: url.pathname.endsWith('/auth') ? 401 : 404,
  headers: { 'www-authenticate': 'Basic realm="Dockpass", charset="UTF-8"' },
  body: '',
  certificate: null,
});

describe("Apple's container sends a password", () => {
  const table: readonly [registry: string, realm: string, isTaken: boolean][] = [
    ['https://registry.example.com', 'https://auth.example.com/auth', true],
    ['https://registry.example.com', 'https://registry.example.com/dockpass/auth', true],
    ['https://registry.example.co.uk', 'https://auth.example.co.uk/auth', true],
    ['https://registry.example.com', 'https://auth.corp.example/auth', false],
    ['https://a.example.co.uk', 'https://b.other.co.uk/auth', false],
    ['https://10.0.0.5:5000', 'https://10.0.0.5:5001/auth', false],
    ['https://10.0.0.5:5000', 'https://10.0.0.5:5000/dockpass/auth', true],
    ['https://registry', 'https://auth/auth', false],
  ];
  for (const [registry, realm, isTaken] of table) {
    test(`of ${registry} ${isTaken ? 'to' : 'not to'} ${realm}`, async () => {
      const parts = {
        probe: dockpass,
        systemProbe: null,
        expected: new URL(realm),
        registry: new URL(registry),
        keyIds: [],
      };
      const findings = await checkRealm(parts, realm, 'x');
      const notes = findings.filter(
        ({ status, message }) => status === 'note' && !/PUBLIC_URL has a path, so/.test(message),
      );
      assert.deepEqual(findings.map(({ status }) => status).slice(0, 1), ['right']);
      assert.equal(notes.length, isTaken ? 0 : 1);
      if (!isTaken) assert.match(notes[0]?.message ?? '', /^Apple's container, from 1\.3\.1 on, refuses this realm/);
    });
  }
});

describe('a realm that clients take to the letter', () => {
  const right = 'http://auth.example.com/auth';
  const table: readonly [realm: string, isRight: boolean][] = [
    [right, true],
    ['HTTP://AUTH.example.com:80/auth?x=1#y', true],
    [`${right} `, false],
    [` ${right}`, false],
    ['http:/auth.example.com/auth', false],
    ['http:auth.example.com/auth', false],
    ['http:///auth.example.com/auth', false],
    ['http:\\\\auth.example.com\\auth', false],
    ['http://auth.example.com\\auth', false],
    ['http://auth.example.com/au\tth', false],
    ['http://auth.example.com/x/../auth', false],
    ['http://auth.example.com/x/%2E./auth', false],
    ['http://auth.example.com/./auth', false],
  ];
  for (const [realm, isRight] of table) {
    test(`${JSON.stringify(realm)} is ${isRight ? 'right' : 'wrong'}`, async () => {
      const parts = {
        probe: dockpass,
        systemProbe: null,
        keyIds: [],
        registry: new URL('http://registry.example.com'),
      };
      const [finding] = await checkRealm({ ...parts, expected: new URL(right) }, realm, 'x');
      assert.equal(finding?.status, isRight ? 'right' : 'wrong');
      if (isRight) return;
      assert.ok(finding?.message.startsWith(`${JSON.stringify(realm)} is an address`), finding?.message);
      assert.match(finding?.message ?? '', /must be http:\/\/auth\.example\.com\/auth$/);
    });
  }
});

describe('the keys beside the realm', () => {
  const table: readonly [title: string, body: string, isOurs: boolean][] = [
    ['ours', '{"keys":[{"kid":"ours"}]}', true],
    ['those of another Dockpass', '{"keys":[{"kid":"other"}]}', false],
    ['a page of HTML in their place, which proves nothing', '<!doctype html><title>Welcome</title>', true],
    ['JSON that holds none, which proves nothing', '{"error":"not found"}', true],
    ['null', 'null', true],
  ];
  for (const [title, body, isOurs] of table) {
    test(title, async () => {
      const probe = async (url: URL) =>
        url.pathname === '/.well-known/jwks.json'
          ? { status: 200, headers: {}, body, certificate: null }
          : dockpass(url);
      const expected = new URL('https://auth.example.com/auth');
      const parts = { probe, systemProbe: null, expected, registry: new URL('https://registry.example.com') };
      const [finding] = await checkRealm({ ...parts, keyIds: ['ours'] }, expected.href, 'x');
      assert.equal(finding?.status, isOurs ? 'right' : 'wrong');
      if (!isOurs) assert.match(finding?.message ?? '', /is a Dockpass with other keys/);
    });
  }
});

test('what a proxy does not send from the root of the host is said, where PUBLIC_URL has a path', async () => {
  const registry = new URL('https://registry.example.com');
  const ask = async (realm: string, isSent: boolean) => {
    const probe = async (url: URL) => {
      const reply = await dockpass(url);
      return isSent && url.pathname.startsWith('/.well-known/oauth') ? { ...reply, status: 200 } : reply;
    };
    const parts = { probe, systemProbe: null, expected: new URL(realm), registry, keyIds: [] };
    return (await checkRealm(parts, realm, 'x')).map(({ message }) => message).join();
  };
  const address = /https:\/\/registry\.example\.com\/\.well-known\/oauth-authorization-server\/dockpass, which/;
  assert.match(await ask('https://registry.example.com/dockpass/auth', false), address);
  assert.doesNotMatch(await ask('https://registry.example.com/dockpass/auth', true), address);
  assert.doesNotMatch(await ask('https://auth.example.com/auth', false), /oauth-authorization-server/);
});
