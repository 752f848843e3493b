/** `dockpass init`: from nothing to an installation that serves, without a secret on the command line and without overwriting anything. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { parse } from 'yaml';
import { runCommand } from '../../src/cli/cli.ts';
import { environmentFile, policyFile } from '../../src/cli/init-files.ts';
import { createAsk } from '../../src/cli/prompt.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { identityOf } from '../../src/policy/named-account.ts';
import { runProgram, startProgram } from '../support/process.ts';
import { main } from '../support/program.ts';

const flags = [
  ...['--public-url', 'https://auth.example.com', '--service', 'registry.example.com', '--admin', 'ana@example.com'],
  ...['--domain', 'example.com', '--google-client-id', '123.apps.googleusercontent.com', '--client-secret-file', '-'],
];

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-init-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const init = (folder: string, words: readonly string[], input = 'a secret\n', program = main) =>
  runProgram(process.execPath, [program, 'init', ...words], { cwd: folder, env: { PATH: '/usr/bin:/bin' }, input });

test('flags are enough for an installation that serves, with a strict policy and an administrator', async (t) => {
  const folder = newFolder(t);
  const { code, output } = await init(folder, flags);
  assert.equal(code, 0, output);
  assert.equal((statSync(join(folder, '.env')).mode & 0o777).toString(8), '600');
  assert.ok(!output.includes('a secret'));
  assert.match(output, /redirect URI: https:\/\/auth\.example\.com\/sign-in\/google\/callback/);
  const auth = parse(output.slice(output.indexOf('\nauth:'), output.indexOf('\n\nNext:')));
  assert.equal(auth.auth.token.realm, 'https://auth.example.com/auth');
  assert.match(auth.auth.token.rootcertbundle, /data\/registry-bundle\.pem$/);

  const env = { PATH: '/usr/bin:/bin', PORT: '0' };
  const strict = await runProgram(process.execPath, [main, 'policy', 'check', '--strict'], { cwd: folder, env });
  assert.equal(strict.code, 0, strict.output);
  const words = ['policy', 'explain', 'ana@example.com', 'repository:team/app:push'];
  const explained = await runProgram(process.execPath, [main, ...words], { cwd: folder, env });
  assert.match(explained.output, /push/, explained.output);
  const server = await startProgram(process.execPath, [main, 'serve'], { cwd: folder, env, ready: /"listening"/ });
  await server.stop();
});

test('what exists is never overwritten, and then nothing is written', async (t) => {
  for (const name of ['.env', 'policy.yml']) {
    const folder = newFolder(t);
    writeFileSync(join(folder, name), '# mine\n');
    const { code, output } = await init(folder, flags);
    assert.equal(code, 1);
    assert.match(output, /exists already/);
    assert.deepEqual(readdirSync(folder), [name]);
    assert.equal(readFileSync(join(folder, name), 'utf8'), '# mine\n');
  }
});

test('into another folder: what comes next is about that folder', async (t) => {
  const folder = newFolder(t);
  const source = resolve('src/main.ts'); // in a clone
  const { code, output } = await init(folder, ['--folder', 'my $(touch x) dockpass', ...flags], undefined, source);
  assert.equal(code, 0, output);
  const auth = parse(output.slice(output.indexOf('\nauth:'), output.indexOf('\n\nNext:')));
  assert.equal(auth.auth.token.rootcertbundle, join(folder, 'my $(touch x) dockpass', 'data', 'registry-bundle.pem'));
  const script = resolve('script/dockpass');
  assert.ok(output.includes(`Next: cd 'my $(touch x) dockpass' && ${script} serve, `), output);
  assert.ok(output.endsWith(`run: ${script} doctor https://registry.example.com\n`), output);
});

test('in the image, which says where the certificates go, the registry is told so', async (t) => {
  const folder = newFolder(t);
  const env = { PATH: '/usr/bin:/bin', DATA_DIR: folder, CERTIFICATE_BUNDLE_FILE: '/certs/registry-bundle.pem' };
  const options = { cwd: folder, env, input: 'a secret\n' };
  const { code, output } = await runProgram(process.execPath, [main, 'init', ...flags], options);
  assert.equal(code, 0, output);
  assert.match(output, /rootcertbundle: "?\/certs\/registry-bundle\.pem/);
});

test('a registry of another user reads its certificates in a new folder, and nothing else there', async (t) => {
  const folder = newFolder(t);
  const { code, output } = await init(folder, ['--folder', 'new/place', ...flags]);
  assert.equal(code, 0, output);
  const modeOf = (name: string) => (statSync(join(folder, name)).mode & 0o777).toString(8);
  const names = ['new', 'new/place', 'new/place/.env', 'new/place/policy.yml'];
  assert.deepEqual(names.map(modeOf), ['711', '711', '600', '600']);
});

test('a file in the place of the folder is named, before anything is asked', async (t) => {
  const folder = newFolder(t);
  writeFileSync(join(folder, 'file'), '');
  for (const name of ['file', 'file/below']) {
    const { code, output } = await init(folder, ['--folder', name]);
    assert.deepEqual([code, output], [1, `${name} is a file, or is below one: name a folder. Nothing was written.\n`]);
  }
});

test('of the file that Google’s console offers, the secret is taken', async (t) => {
  const id = '123.apps.googleusercontent.com';
  const fileOf = (client: object) => JSON.stringify({ web: { project_id: 'p', ...client } });
  const folder = newFolder(t);
  const good = await init(folder, flags, fileOf({ client_id: id, client_secret: 'GOCSPX-x' }));
  assert.equal(good.code, 0, good.output);
  assert.equal(parseEnv(readFileSync(join(folder, '.env'), 'utf8'))['GOOGLE_CLIENT_SECRET'], 'GOCSPX-x');
  const file = join(folder, 'secret');
  for (const [text, message] of [
    [fileOf({ client_id: 'other', client_secret: 'GOCSPX-x' }), /is of another client: other, not 123\.apps/],
    [fileOf({ client_id: id }), /GOOGLE_CLIENT_SECRET is a JSON file/],
    ['id\nsecret\n', /GOOGLE_CLIENT_SECRET has several lines/],
  ] as const) {
    const elsewhere = newFolder(t);
    writeFileSync(file, text);
    const { code, output } = await init(elsewhere, flags.with(-1, file));
    assert.equal(code, 1);
    assert.match(output, message);
    assert.match(output, /Nothing was written\.\n$/);
    assert.deepEqual(readdirSync(elsewhere), []);
  }
});

test('on this machine, without TLS: the doctor asks the registry by http', async (t) => {
  const own = flags.with(1, 'http://localhost:5001').with(3, 'localhost:5000');
  const { code, output } = await init(newFolder(t), own);
  assert.equal(code, 0, output);
  assert.match(output, /redirect URI: http:\/\/localhost:5001\/sign-in\/google\/callback\n/);
  assert.match(output, /dockpass doctor http:\/\/localhost:5000\n$/);
});

test('answers that serve would refuse are named, and nothing is written', async (t) => {
  const folder = newFolder(t);
  const bad = flags.with(1, 'http://auth.example.com');
  const { code, output } = await init(folder, bad);
  assert.equal(code, 1);
  assert.match(output, /--public-url is http on a public name[\s\S]*Nothing was written/);
  assert.ok(!existsSync(join(folder, '.env')));
});

test('without a terminal, what no flag says is named', async (t) => {
  const folder = newFolder(t);
  const { code, output } = await init(folder, flags.slice(2));
  assert.equal(code, 2);
  assert.match(output, /^--public-url is missing\.\n/);
  const several = await init(folder, [...flags.slice(0, 4), '--oidc-issuer', 'https://id.example.com']);
  assert.match(several.output, /^--admin, --domain, --oidc-client-id, --client-secret-file are missing\.\n/);
  assert.deepEqual(readdirSync(folder), []);
});

test('options that would match no one are refused together, in words that the person knows', async (t) => {
  const folder = newFolder(t);
  const local = ['--public-url', 'http://localhost:5001'];
  const bad = [
    ...['--service', 'https://registry.example.com', '--admin', 'Ana <ana@example.com>'],
    ...['--domain', 'https://example.com', '--domain', 'exa mple,exa/mple', '--domain', '@example.com'],
  ];
  const { code, output } = await init(folder, [...local, ...bad]);
  assert.equal(code, 1);
  assert.deepEqual(output.trimEnd().split('\n'), [
    '--service must be what follows "docker login", such as registry.example.com:5000, without https://. Not "https://registry.example.com".',
    '--admin: "Ana <ana@example.com>" isn\'t an e-mail address. Give only ana@example.com.',
    '--domain: "https://example.com" isn\'t a domain such as example.com.',
    '--domain: "exa mple" isn\'t a domain such as example.com.',
    '--domain: "exa/mple" isn\'t a domain such as example.com.',
    '--domain: leave out the "@": example.com',
    'Nothing was written.',
  ]);
  const google = ['--oidc-issuer', 'https://accounts.google.com', '--oidc-client-id', 'x', '--client-secret-file', '-'];
  const settings = await init(folder, [...flags.slice(0, 8), '--trusted-proxy', 'x', ...google]);
  assert.match(
    settings.output,
    /^--trusted-proxy: "x" is not an address.*\n--oidc-issuer is Google: use --google-client-id/,
  );
  const personal = await init(folder, flags.with(7, 'gmail.com'));
  assert.match(personal.output, /^--domain: no one has a Workspace at gmail\.com.*set GOOGLE_ANY_ACCOUNT=true/);
  const empty = await init(folder, flags, '\n');
  assert.equal(empty.output, '--client-secret-file is empty. Nothing was written.\n');
  assert.deepEqual(readdirSync(folder), []);
});

test('an option that would have no effect is a usage error', async (t) => {
  const folder = newFolder(t);
  const needed = flags.slice(0, 8);
  for (const [words, message] of [
    [['--oidc-client-id', 'foo'], '--oidc-client-id needs --oidc-issuer.'],
    [['--client-secret-file', '-'], '--client-secret-file needs --google-client-id or --oidc-issuer.'],
    [['--google-client-id', 'a', '--oidc-issuer', 'https://sso.example.com'], 'Give either --google-client-id or'],
  ] as const) {
    const { code, output } = await init(folder, [...needed, ...words]);
    assert.equal(code, 2, output);
    assert.ok(output.startsWith(message), output);
  }
});

/** Gives the answers in their order. */
async function converse(folder: string, answers: readonly string[]) {
  const left = [...answers];
  const [asked, hidden, said]: [string[], string[], string[]] = [[], [], []];
  const say = (line: string) => void said.push(line);
  const code = await runCommand(['init', '--folder', folder], {
    environment: {},
    input: Readable.from([]),
    out: say,
    err: say,
    ask: async (question, { fallback, hidden: isHidden }) => {
      const answer = left.shift();
      assert.ok(answer !== undefined, `asked too much: ${question}`);
      asked.push(question);
      if (isHidden) hidden.push(question);
      return answer || fallback;
    },
  });
  return { code, asked, hidden, said };
}

test('on a terminal it asks, and hides the secret', async (t) => {
  const folder = newFolder(t);
  const answers = ['https://auth.example.com', 'registry.example.com', 'ana@example.com', 'example.com, example.org'];
  const { code, asked, hidden, said } = await converse(folder, [...answers, 'id', 'a secret', '']);
  assert.equal(code, 0, said.join('\n'));
  assert.deepEqual(asked, [
    'Where will people and registries reach Dockpass? (https://auth.example.com)',
    'What will people give to docker login? (registry.example.com)',
    'E-mail addresses of the administrators',
    'E-mail domains whose people can sign in and pull (example.com)',
    'Google OAuth client ID (leave empty to set it up later)',
    'Its client secret',
    'IP address your TLS proxy connects from',
  ]);
  assert.deepEqual(hidden, ['Its client secret']);
  const settings = parseEnv(readFileSync(join(folder, '.env'), 'utf8'));
  assert.equal(settings['GOOGLE_DOMAINS'], 'example.com,example.org');
  assert.equal(settings['TRUSTED_PROXIES'], '127.0.0.1');
});

test('what was answered before there is a client is kept in .env, to be completed', async (t) => {
  const folder = newFolder(t);
  const answers = ['http://localhost:5001', 'localhost:5000', 'ana@example.com', 'gmail.com', 'example.com', ''];
  const { code, said } = await converse(folder, answers);
  assert.equal(code, 0, said.join('\n'));
  assert.match(said[0] ?? '', /^No one has a Workspace at gmail\.com/);
  const text = readFileSync(join(folder, '.env'), 'utf8');
  assert.equal(parseEnv(text)['GOOGLE_DOMAINS'], undefined);
  assert.match(text, /\n#GOOGLE_CLIENT_ID=\n#GOOGLE_CLIENT_SECRET=\n#GOOGLE_DOMAINS=example\.com\n$/);
});

test('on a terminal a wrong or empty answer is asked again, with what is wrong', async (t) => {
  const { code, asked, said } = await converse(newFolder(t), [
    ...['', 'http://auth.example.com', 'https://auth.example.com'],
    ...['https://registry.example.com', 'registry.example.com'],
    ...['Ana <ana@example.com>', 'ana@example.com'],
    ...['@example.com', 'example.com example.org', 'example.com'],
    ...['id', '', 'a secret'],
    ...['proxy', ''],
  ]);
  assert.equal(code, 0, said.join('\n'));
  assert.equal(new Set(asked).size, 7);
  assert.deepEqual(
    said.slice(
      0,
      said.findIndex((line) => line.startsWith('Wrote')),
    ),
    [
      'This needs an answer.',
      'It is http on a public name: passwords would cross the network in the clear. Use https',
      'It must be what follows "docker login", such as registry.example.com:5000, without https://. Not "https://registry.example.com".',
      '"Ana <ana@example.com>" isn\'t an e-mail address. Give only ana@example.com.',
      'Leave out the "@": example.com',
      '"example.com example.org" isn\'t a domain such as example.com.',
      'Commas separate several.',
      'This needs an answer.',
      '"proxy" is not an address or a block such as 10.0.0.0/8',
    ],
  );
});

test('a prompt shows what an empty answer means, if it means something', async () => {
  const shown = async (fallback?: string) => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const output = Object.assign(new PassThrough(), { isTTY: true });
    const ask = createAsk(input as unknown as NodeJS.ReadStream, output as unknown as NodeJS.WriteStream);
    const answer = ask?.('Which', { fallback });
    input.write('\n');
    assert.equal(await answer, fallback);
    return String(output.read());
  };
  assert.match(await shown('127.0.0.1'), /Which \[127\.0\.0\.1\]: /);
  for (const fallback of ['', undefined]) assert.match(await shown(fallback), /Which: /);
});

test('another provider is set up the same way', async (t) => {
  const folder = newFolder(t);
  const oidc = ['--oidc-issuer', 'https://sso.example.com', '--oidc-client-id', 'dockpass'];
  const { code, output } = await init(folder, [...flags.slice(0, 8), ...oidc, '--client-secret-file', '-']);
  assert.equal(code, 0, output);
  assert.match(output, /sign-in\/sso\/callback/);
});

test('people of two domains who have the same user name get different places', () => {
  const answers = {
    ...{ publicUrl: 'http://localhost', services: ['x'], admins: [], domains: ['example.com', 'Bücher.example'] },
    ...{ issuer: null, clientId: '', clientSecret: '', proxy: null },
  };
  const policy = parsePolicy(policyFile(answers), 'policy.yml');
  const context = { service: 'x', address: '192.0.2.1' };
  const canPush = (login: string, name: string) => {
    const identity = identityOf(policy.users, { account: login });
    return decide(policy, identity, { type: 'repository', name, actions: ['push'] }, context).granted.length > 0;
  };
  assert.equal(canPush('ana@example.com', 'people/example.com/ana/x'), true);
  assert.equal(canPush('ana@xn--bcher-kva.example', 'people/example.com/ana/x'), false);
  assert.equal(canPush('ana@xn--bcher-kva.example', 'people/xn--bcher-kva.example/ana/x'), true);
});

test('a secret is read back as it was given, or refused', () => {
  const answers = {
    ...{ publicUrl: 'http://localhost', services: ['x'], admins: ['a@b'], domains: ['b'] },
    ...{ issuer: null, clientId: 'id', proxy: null },
  };
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (clientSecret) => {
      let text: string;
      try {
        text = environmentFile({ ...answers, clientSecret });
      } catch {
        return; // refused
      }
      assert.equal(parseEnv(text)['GOOGLE_CLIENT_SECRET'], clientSecret);
    }),
  );
});
