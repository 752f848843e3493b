/** What the doctor concludes from the tokens that a registry takes: clocks, what is left behind, and what a 3.x gives away. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { createLocalJWKSet, decodeProtectedHeader, errors, type JSONWebKeySet, jwtVerify } from 'jose';
import { parseChallenges } from '../../src/doctor/challenge.ts';
import { type DoctorParts, type DoctorService, examine } from '../../src/doctor/examine.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { createProbe } from '../../src/doctor/probe.ts';
import type { RegistryFile } from '../../src/doctor/registry-file.ts';
import type { TokenHeader } from '../../src/keys/signature.ts';
import { missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import { startRegistry } from '../support/registry.ts';
import {
  registry as registryService,
  type ServiceWish,
  secondRegistry,
  startTokenService,
  type TokenService,
} from '../support/token-service.ts';

const minute = 60_000;

describe('the doctor before a registry', () => {
  let tokens: TokenService;
  let folder: string;
  before(async () => {
    tokens = await startTokenService();
    folder = await mkdtemp(join(tmpdir(), 'dockpass-doctor-'));
  });
  after(async () => {
    await tokens.stop();
    await rm(folder, { recursive: true });
  });

  const serviceOf = ({ name, issuer }: ServiceWish, tokenHeader: TokenHeader = 'x5c'): DoctorService => {
    const ring = tokens.keys.ring('');
    const signers = { x5c: ring.signer('x5c'), kid: ring.signer('kid') };
    return {
      name,
      issuer,
      registryHost: name,
      signers,
      tokenHeader,
      bundle: ring.bundle(),
      isOwnKey: false,
      waiting: null,
    };
  };
  const partsOf = (changes: Partial<DoctorParts> = {}): DoctorParts => ({
    probe: createProbe([]),
    systemProbe: null,
    publicUrl: new URL(tokens.url),
    realm: new URL('/auth', tokens.url),
    services: [serviceOf(registryService), serviceOf(secondRegistry)],
    keyIds: [],
    registryFiles: null,
    now: Date.now,
    ...changes,
  });
  const wrongOnes = (findings: readonly Finding[]) => findings.filter(({ status }) => status !== 'right');
  const start = async (t: TestContext, issuer = 'auth.example.com'): Promise<URL> => {
    const [port = 0] = await freePorts(1);
    const settings = { realm: `${tokens.url}/auth`, service: 'registry.example.com', issuer };
    const registry = await startRegistry({
      folder: join(folder, String(port)),
      port,
      certificateBundleFile: tokens.bundleFile,
      ...settings,
    });
    t.after(() => registry.stop());
    return new URL(`http://localhost:${port}`);
  };

  test('an upload that was begun to see where it goes is in no catalog', {
    skip: missing('docker-registry'),
  }, async (t) => {
    const url = await start(t);
    const { findings } = await examine(partsOf(), url);
    assert.deepEqual(wrongOnes(findings), []);
    const { body } = await tokens.get(
      [
        ['service', 'registry.example.com'],
        ['scope', 'registry:catalog:*'],
      ],
      { user: 'ana' },
    );
    const catalog = await fetch(new URL('/v2/_catalog', url), {
      headers: { authorization: `Bearer ${body['token']}` },
    });
    assert.deepEqual(await catalog.json(), { repositories: [] });
  });

  for (const [name, shift, message] of [
    ['ahead', -10 * minute, /clock is (599|600|601) seconds ahead of this machine's/],
    ['behind', 10 * minute, /clock is (599|600|601) seconds behind this machine's/],
  ] as const) {
    test(`a registry whose clock is ten minutes ${name}`, { skip: missing('docker-registry') }, async (t) => {
      const now = (): number => Date.now() + shift;
      const [finding, ...others] = wrongOnes((await examine(partsOf({ now }), await start(t))).findings);
      assert.equal(finding?.subject, 'clock');
      assert.match(finding?.message ?? '', message);
      assert.deepEqual(others, []);
    });
  }
  test('half a minute is forgiven', { skip: missing('docker-registry') }, async (t) => {
    const now = (): number => Date.now() + minute / 2;
    assert.deepEqual(wrongOnes((await examine(partsOf({ now }), await start(t))).findings), []);
  });
  test('a clock and an issuer that are both wrong', { skip: missing('docker-registry') }, async (t) => {
    const now = (): number => Date.now() - 10 * minute;
    const { findings } = await examine(partsOf({ now }), await start(t, 'https://auth.example.com'));
    assert.deepEqual(
      wrongOnes(findings).map(({ subject }) => subject),
      ['clock', 'issuer'],
    );
  });

  const listen = async (t: TestContext, answer: RequestListener): Promise<URL> => {
    const server = createServer(answer);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    return new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
  };
  const challenge = () => `Bearer realm="${tokens.url}/auth",service="registry.example.com"`;
  /** What the doctor has to say of it, and that it claims nothing that it can't know: "subject: message". */
  const unjudged = async (url: URL): Promise<string> => {
    const { findings } = await examine(partsOf(), url);
    const claims = findings.filter(({ subject }) => ['issuer', 'rootcertbundle', 'clock'].includes(subject));
    assert.deepEqual(claims, []);
    const said = wrongOnes(findings);
    assert.deepEqual(
      said.map(({ status }) => status),
      ['unknown'],
    );
    return said.map(({ subject, message }) => `${subject}: ${message}`).join();
  };

  test('a proxy that removes Authorization: nothing is concluded of issuer and keys', async (t) => {
    const url = await listen(t, (_request, response) =>
      response.writeHead(401, { 'www-authenticate': challenge() }).end(),
    );
    assert.match(await unjudged(url), /^auth: .*Authorization doesn't reach the registry\. Does a proxy remove it\?/);
  });
  for (const status of [302, 403, 429, 502]) {
    test(`a registry that answers ${status} to tokens`, async (t) => {
      const url = await listen(t, ({ headers }, response) =>
        response
          .writeHead(headers.authorization === undefined ? 401 : status, { 'www-authenticate': challenge() })
          .end(),
      );
      assert.match(await unjudged(url), new RegExp(`^auth: http://127\\.0\\.0\\.1:\\d+ answers ${status} to a token`));
    });
  }
  test('a connection that is cut when a token is shown', async (t) => {
    const url = await listen(t, ({ headers, socket }, response) => {
      if (headers.authorization === undefined) response.writeHead(401, { 'www-authenticate': challenge() }).end();
      else socket.resetAndDestroy();
    });
    assert.match(await unjudged(url), /^auth: the connection was cut when a token was shown: does a proxy or firewall/);
  });
  test('a connection that is cut when an upload is begun', async (t) => {
    const url = await listen(t, ({ headers, method, socket }, response) => {
      if (method === 'POST') socket.resetAndDestroy();
      else if (headers.authorization !== undefined) response.writeHead(200).end();
      else response.writeHead(401, { 'www-authenticate': challenge() }).end();
    });
    const { findings } = await examine(partsOf(), url);
    const said = wrongOnes(findings).map(({ status, subject, message }) => `${status} ${subject}: ${message}`);
    assert.deepEqual(said, [
      'unknown proxy header: the connection was cut when an upload was begun: does a proxy or firewall refuse it?',
    ]);
    assert.ok(findings.some(({ subject, status }) => subject === 'issuer' && status === 'right'));
  });
  const basic = 'Basic realm="Registry"';
  for (const [title, headers] of [
    ['in one header', () => `${challenge()}, ${basic}`],
    ['in one header, Basic first', () => `${basic}, ${challenge()}`],
    ['in two headers', () => [challenge(), basic]],
    ['in two headers, Basic first', () => [basic, challenge()]],
  ] as const) {
    test(`Basic beside Bearer, ${title}`, async (t) => {
      const url = await listen(t, (request, response) => {
        if (request.method === 'POST') response.writeHead(202, { location: '/v2/upload' }).end();
        else if (request.headers.authorization !== undefined) response.writeHead(200).end();
        else response.writeHead(401, { 'www-authenticate': headers() }).end();
      });
      const { findings } = await examine(partsOf(), url);
      const said = wrongOnes(findings).map(({ status, subject, message }) => `${status} ${subject}: ${message}`);
      assert.equal(said.length, 1, said.join('\n'));
      assert.match(said[0] ?? '', /^note auth: .*asks for a password itself \(Basic\), beside the token/);
    });
  }
  test('a 2.8 has an error for what is not a token', { skip: missing('docker-registry') }, async (t) => {
    const { headers } = await fetch(new URL('/v2/', await start(t)), { headers: { authorization: 'Bearer x' } });
    assert.match(headers.get('www-authenticate') ?? '', /,error="invalid_token"/);
  });

  type Three = { bundle?: boolean; jwks?: JSONWebKeySet; algorithms?: readonly string[]; issuer?: string };
  /**
   * A distribution 3.x, by its token.go: what isn't signed by one of its algorithms is malformed; an x5c header is tried before
   * jwks, and fails where there is no bundle; a kid is looked up in jwks; a wrong signature alone has no `error`.
   */
  const startThree = async (t: TestContext, { bundle, jwks, algorithms, issuer = 'auth.example.com' }: Three) => {
    const trusted = createLocalJWKSet(tokens.keys.ring('').jwks() as JSONWebKeySet);
    const invalid = ',error="invalid_token"';
    const refusalOf = async (token: string): Promise<string | null> => {
      if (!token.includes('.')) return invalid;
      const { alg = '', kid, x5c } = decodeProtectedHeader(token);
      if (algorithms?.includes(alg) === false) return invalid;
      const known = x5c !== undefined ? bundle === true : jwks?.keys.some((key) => key.kid === kid) === true;
      if (!known) return invalid;
      try {
        return (await jwtVerify(token, trusted)).payload.iss === issuer ? null : invalid;
      } catch (error) {
        return error instanceof errors.JWSSignatureVerificationFailed ? '' : invalid;
      }
    };
    return listen(t, (request, response) => {
      const token = request.headers.authorization?.replace('Bearer ', '') ?? null;
      void (token === null ? Promise.resolve('') : refusalOf(token)).then((error) => {
        if (error !== null) response.writeHead(401, { 'www-authenticate': challenge() + error }).end();
        else if (request.method === 'POST') response.writeHead(202, { location: '/v2/upload' }).end();
        else response.writeHead(200).end();
      });
    });
  };
  const ownJwks = () => tokens.keys.ring('').jwks() as JSONWebKeySet;
  /** Keys of a Dockpass two rotations ago. */
  const oldJwks = (): JSONWebKeySet => ({
    keys: ownJwks().keys.map((key, index) => ({ ...key, kid: `old-${index}` })),
  });
  const filesOf = (token: RegistryFile, jwks: JSONWebKeySet | null = null) => {
    const bundle = token.rootcertbundle === undefined ? null : tokens.keys.ring('').bundle();
    return { token: { issuer: 'auth.example.com', ...token }, bundle, jwks: jwks && JSON.stringify(jwks) };
  };

  const threes: readonly {
    readonly title: string;
    readonly three: () => Three;
    readonly header?: TokenHeader;
    readonly waiting?: string;
    readonly files?: () => ReturnType<typeof filesOf>;
    /** Of what is not right: "subject: message". */
    readonly says: readonly RegExp[];
  }[] = [
    { title: 'one that is right, by its bundle', three: () => ({ bundle: true }), says: [] },
    { title: 'one that is right, by jwks', three: () => ({ jwks: ownJwks() }), header: 'kid', says: [] },
    {
      title: 'an issuer that nobody would guess: the issuer only is wrong',
      three: () => ({ bundle: true, issuer: 'x9' }),
      says: [/^issuer: auth\.token\.issuer is another one/],
    },
    {
      title: 'signingalgorithms without ours, and no file: they are among what it can be',
      three: () => ({ bundle: true, algorithms: ['RS256'] }),
      says: [/^issuer: .*or signingalgorithms of a 3\.x lacks ES256/, /^rootcertbundle: /],
    },
    {
      title: 'signingalgorithms without ours, with its file',
      three: () => ({ bundle: true, algorithms: ['RS256'] }),
      files: () => filesOf({ rootcertbundle: '/b.pem', signingalgorithms: ['RS256'] }),
      says: [/^signingalgorithms: auth\.token\.signingalgorithms is RS256, and Dockpass signs with ES256\. Add ES256/],
    },
    {
      title: 'jwks alone and tokens with a certificate',
      three: () => ({ jwks: ownJwks() }),
      says: [/^token header: the registry takes tokens with the other header.*Set SERVICE_<NAME>_TOKEN_HEADER=kid/],
    },
    {
      title: 'a bundle alone and tokens without a certificate',
      three: () => ({ bundle: true }),
      header: 'kid',
      says: [/^token header: .*a 3\.x knows no key of rootcertbundle by that name\. Leave SERVICE_<NAME>_TOKEN_HEADER/],
    },
    {
      title: 'a jwks file that is old, and no file of the registry',
      three: () => ({ jwks: oldJwks() }),
      header: 'kid',
      says: [
        /^issuer: .*this or jwks is wrong/,
        /^jwks: auth\.token\.jwks must hold the key that Dockpass signs with now/,
      ],
    },
    {
      title: 'a jwks file without a key of yours that waits',
      three: () => ({ jwks: oldJwks() }),
      header: 'kid',
      waiting: 'token.crt holds a new key.',
      files: () => filesOf({ jwks: '/jwks.json' }, oldJwks()),
      says: [/^jwks: token\.crt holds a new key\. What the registry trusts can be checked after that/],
    },
    {
      title: "a jwks file that is old, with the registry's file",
      three: () => ({ jwks: oldJwks() }),
      header: 'kid',
      files: () => filesOf({ jwks: '/jwks.json' }, oldJwks()),
      says: [
        /^jwks: \/jwks\.json does not hold the key that Dockpass signs with .*copy the jwks file of Dockpass there/,
      ],
    },
    {
      title: 'a jwks file that cannot be read here',
      three: () => ({ jwks: oldJwks() }),
      header: 'kid',
      files: () => filesOf({ jwks: '/jwks.json' }),
      says: [/^jwks: \/jwks\.json cannot be read here: --registry-jwks FILE/],
    },
    {
      title: 'a jwks file that is not JSON',
      three: () => ({ jwks: oldJwks() }),
      header: 'kid',
      files: () => ({ ...filesOf({ jwks: '/jwks.json' }), jwks: 'x' }),
      says: [/^jwks: .*does not hold the key/],
    },
    {
      title: 'a file that is right, and was not read yet',
      three: () => ({ jwks: oldJwks() }),
      header: 'kid',
      files: () => filesOf({ jwks: '/jwks.json' }, ownJwks()),
      says: [/^auth: The file is right, .*Restart it/],
    },
    {
      title: 'a file of another registry, beside one that is right',
      three: () => ({ bundle: true }),
      files: () => filesOf({ issuer: 'x', service: 'y', realm: `${tokens.url}/auth`, rootcertbundle: '/none' }),
      says: [
        /^auth: The file says service "y", and the registry that runs has "registry/,
        /^auth: The file says issuer "x"/,
      ],
    },
  ];
  for (const { title, three, header = 'x5c', waiting = null, files, says } of threes) {
    test(`a 3.x: ${title}`, async (t) => {
      const url = await startThree(t, three());
      const services = [{ ...serviceOf(registryService, header), waiting }] as const;
      const { findings } = await examine(partsOf({ services, registryFiles: files?.() ?? null }), url);
      const seen = wrongOnes(findings).map(({ subject, message }) => `${subject}: ${message}`);
      assert.equal(seen.length, says.length, seen.join('\n'));
      for (const [index, pattern] of says.entries()) assert.match(seen[index] ?? '', pattern);
    });
  }
});

test('a challenge is read as RFC 9110 writes it', () => {
  const header = 'bEARER realm="https://a.example/auth?x=1,2", service="my \\"registry\\":5000",error=invalid_token';
  const parameters = { realm: 'https://a.example/auth?x=1,2', service: 'my "registry":5000', error: 'invalid_token' };
  assert.deepEqual(parseChallenges(header), [{ scheme: 'bearer', parameters }]);
  assert.deepEqual(parseChallenges('Negotiate'), [{ scheme: 'negotiate', parameters: {} }]);
  assert.deepEqual(parseChallenges(undefined), []);
  assert.deepEqual(parseChallenges('="'), []);
  assert.deepEqual(parseChallenges('realm="x"'), []);
});

test('several challenges are told apart, whatever their order', () => {
  const bearer = { scheme: 'bearer', parameters: { realm: 'https://a.example/auth', service: 'r, Basic x' } };
  const basic = { scheme: 'basic', parameters: { realm: 'Registry' } };
  const texts = ['Bearer realm="https://a.example/auth", service="r, Basic x"', 'Basic realm = Registry'] as const;
  assert.deepEqual(parseChallenges(texts.join(', ')), [bearer, basic]);
  assert.deepEqual(parseChallenges(texts.toReversed().join(',')), [basic, bearer]);
  const others = `Negotiate, NTLM TlRMTVNTUAAB==,, ${texts[0]}`;
  assert.deepEqual(
    parseChallenges(others).map(({ scheme, parameters }) => [scheme, Object.keys(parameters).length]),
    [
      ['negotiate', 0],
      ['ntlm', 0],
      ['bearer', 2],
    ],
  );
  // Spaces that belong in quotes begin nothing.
  assert.deepEqual(parseChallenges('Bearer realm=my registry,service=x'), [
    { scheme: 'bearer', parameters: { realm: 'my', service: 'x' } },
  ]);
});
