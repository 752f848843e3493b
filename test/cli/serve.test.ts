import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { createInstallation, type Installation } from '../support/installation.ts';
import { runProgram } from '../support/process.ts';

const root = resolve(import.meta.dirname, '../..');

describe('dockpass serve', () => {
  let installation: Installation;
  beforeEach(() => {
    installation = createInstallation();
  });
  afterEach(() => installation.remove());

  test('four processes that start at once on an empty folder all come up, with the same keys', async () => {
    const servers = await Promise.all([1, 2, 3, 4].map(() => installation.serve()));
    const keys = await Promise.all(
      servers.map(({ url }) => fetch(`${url}/.well-known/jwks.json`).then((r) => r.text())),
    );
    assert.equal(new Set(keys).size, 1);
    await Promise.all(servers.map((server) => server.stop()));
  });

  test('what it makes for itself is readable by its user alone, and the bundle by the registry', async () => {
    const server = await installation.serve({ CERTIFICATE_BUNDLE_FILE: join(installation.folder, 'bundle.pem') });
    await server.stop();
    const data = join(installation.folder, 'data');
    const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);
    assert.equal(modeOf(data), '711', 'a registry finds its bundle, and nobody lists the rest');
    const all = readdirSync(data, { recursive: true, encoding: 'utf8' });
    const files = all.filter((file) => statSync(join(data, file)).isFile() && !file.startsWith('registry-'));
    assert.ok(files.length >= 4, `${files}`);
    for (const file of files) assert.equal(modeOf(join(data, file)), '600', file);
    assert.equal(modeOf(join(installation.folder, 'bundle.pem')), '644');
  });

  test('a secret that was cut off, or exchanged under the passwords, is noticed', async () => {
    const pepper = join(installation.folder, 'data', 'password-pepper');
    await installation.run(['migrate']);
    await installation.addPerson('ana@example.com');
    await installation.run(['password', 'create', 'ana@example.com', '--name', 'ci']);
    writeFileSync(pepper, '');
    const cut = await installation.run(['serve']);
    assert.equal(cut.code, 1);
    assert.match(cut.output, /password-pepper does not hold a whole secret/);
    writeFileSync(pepper, 'another pepper of the right length, by mistake');
    const server = await installation.serve();
    const { warnings } = (await fetch(`${server.url}/readyz`).then((response) => response.json())) as {
      warnings: string[];
    };
    assert.match(warnings.join(), /made with another pepper/);
    await server.stop();
  });

  test('a request for the server as a whole is no fault', async () => {
    const server = await installation.serve();
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write('OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    assert.match(String(await once(socket, 'data')), /^HTTP\/1\.1 204 /);
    await server.stop();
    assert.doesNotMatch(server.output(), /"level":"error"/);
  });

  test('healthz and readyz answer once it listens', async () => {
    const server = await installation.serve();
    assert.deepEqual(await fetch(`${server.url}/healthz`).then((response) => response.json()), { status: 'ok' });
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
    await server.stop();
  });

  test('a request in flight is finished when SIGTERM comes, and the exit is clean', async () => {
    const server = await installation.serve();
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const body = 'grant_type=password&username=a&password=b';
    const head = [
      'POST /auth HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${body.length}`,
      'Expect: 100-continue',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await once(socket, 'data');
    const stopped = server.stop();
    await server.says(/"stopping"/);
    socket.write(body);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 401 /);
    await stopped;
  });

  test('a stop in the first moment waits for the pages, and for who asked for one', async () => {
    const server = await installation.serve();
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const head = ['POST /api/v1/leaked HTTP/1.1', 'Host: localhost', 'Content-Length: 2', 'Expect: 100-continue'];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await once(socket, 'data');
    const stopped = server.stop();
    socket.write('{}');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 400 /);
    await stopped;
    assert.doesNotMatch(server.output(), /"level":"error"|SIGKILL/);
  });

  test('pages that cannot be loaded end the start with the reason, one process or several', async () => {
    const copy = join(installation.folder, 'copy');
    for (const part of ['src', 'migrations', 'package.json'])
      cpSync(join(root, part), join(copy, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    for (const workers of ['1', '2']) {
      const { code, output } = await runProgram(process.execPath, [join(copy, 'src', 'main.ts'), 'serve'], {
        cwd: installation.folder,
        env: { ...installation.environment, WORKERS: workers },
      });
      assert.equal(code, 1, output);
      assert.match(output, /views\/static\/ doesn't exist \(ENOENT\)/);
      assert.match(output, /"msg":"stopping"/);
    }
  });

  test('under a path prefix every link, redirect and the realm begin with it', async () => {
    const server = await installation.serve({ PUBLIC_URL: 'http://localhost:5001/dockpass' });
    const first = await fetch(`${server.url}/dockpass/`, { redirect: 'manual' });
    assert.match(first.headers.get('location') ?? '', /^\/dockpass\/sign-in/);
    const page = await fetch(`${server.url}/dockpass/sign-in`).then((response) => response.text());
    const links = [...page.matchAll(/(?:href|src|action)="(\/[^"]*)"/g)].map(([, link]) => link ?? '');
    assert.ok(links.length > 2);
    assert.deepEqual(
      links.filter((link) => !link.startsWith('/dockpass/')),
      [],
    );
    assert.equal((await fetch(`${server.url}/dockpass/auth/token/`)).status, 401);
    assert.equal((await fetch(`${server.url}/auth`)).status, 404);
    await server.stop();
  });

  test('TLS from certificate and key files, with the cookie that only https gets', async () => {
    const [certificate, key] = ['tls.crt', 'tls.key'].map((file) => join(installation.folder, file)) as [
      string,
      string,
    ];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-keyout', key, '-out', certificate, ...subject],
      { stdio: 'ignore' },
    );
    const server = await installation.serve({
      PUBLIC_URL: 'https://localhost:5001',
      TLS_CERTIFICATE_FILE: certificate,
      TLS_KEY_FILE: key,
    });
    const request = https.get(`${server.url}/sign-in`, { ca: readFileSync(certificate) });
    const [response] = await once(request, 'response');
    response.resume();
    assert.equal(response.statusCode, 200);
    assert.match(response.headers['strict-transport-security'], /max-age=31536000/);
    const port = Number(new URL(server.url).port);
    for (const [suite, isTaken] of [
      ['ECDHE-RSA-AES128-GCM-SHA256', true],
      ['AES256-GCM-SHA384', false],
      ['ECDHE-RSA-AES128-SHA', false],
      ['AES128-SHA', false],
    ] as const) {
      const ciphers = `${suite}:@SECLEVEL=0`;
      const socket = connectTls({ port, ciphers, maxVersion: 'TLSv1.2', ca: readFileSync(certificate) });
      const outcome = await once(socket, 'secureConnect').then(
        () => true,
        () => false,
      );
      assert.equal(outcome, isTaken, suite);
      socket.destroy();
    }
    const paths = [
      '/healthz',
      '/readyz',
      '/auth',
      '/.well-known/jwks.json',
      '/api/v1/openapi.json',
      '/oauth/token',
      '/x',
    ];
    for (const path of paths) {
      const asked = https.get(`${server.url}${path}`, { ca: readFileSync(certificate) });
      const [{ headers, statusCode }] = await once(asked, 'response');
      const found = [headers['x-content-type-options'], headers['strict-transport-security']?.slice(0, 16)];
      assert.deepEqual([path, ...found], [path, 'nosniff', 'max-age=31536000'], `${statusCode}`);
    }
    const get = 'GET /healthz HTTP/1.1\r\n';
    for (const [request, status] of [
      [`${get}\r\n`, 400],
      [`${get}Host: a\r\nHost: b\r\n\r\n`, 400],
      [`${get}Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
      [`${get}Host: a\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
      ['nonsense\r\n\r\n', 400],
    ] as const) {
      const socket = connectTls({ port, ca: readFileSync(certificate) });
      socket.write(request);
      const answer = (await socket.toArray()).join('');
      assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer);
      assert.match(answer, /^X-Content-Type-Options: nosniff\r$/m, request.slice(0, 80));
      assert.match(answer, /^Strict-Transport-Security: max-age=31536000\r$/m, request.slice(0, 80));
    }
    await server.stop();
  });

  test('what /readyz warns of is in words on this machine, and a number for everyone else', async () => {
    const policy = join(installation.folder, 'by-address.yml');
    writeFileSync(policy, 'acl:\n  - match: { ip: 10.1.0.0/16 }\n    actions: [pull]\n');
    const administration = { TRUSTED_PROXIES: '10.0.0.0/8', ADMIN_EMAILS: 'ana@example.com' };
    const server = await installation.serve({ ...administration, POLICY_FILE: policy });
    const warningsFor = async (headers: Record<string, string>) =>
      ((await (await fetch(`${server.url}/readyz`, { headers })).json()) as { warnings: unknown }).warnings;
    assert.match(String(await warningsFor({})), /ip 10.1.0.0\/16, which lies in 10.0.0.0\/8 of TRUSTED_PROXIES/);
    assert.equal(await warningsFor({ 'x-forwarded-for': '203.0.113.7' }), 1);
    await server.stop();
  });

  test('that no one is an administrator is in the log of the start and on /readyz, which stays 200', async () => {
    const server = await installation.serve();
    const ready = await fetch(`${server.url}/readyz`);
    assert.equal(ready.status, 200);
    assert.match(await ready.text(), /no one is an administrator, so no one can open \/admin: set ADMIN_EMAILS/);
    await server.stop();
    assert.match(server.output(), /"level":"warn".*no one is an administrator/);
  });

  test('a configuration with mistakes is refused with all of them, exit code 1', async () => {
    const { code, output } = await installation.run(['serve'], { PUBLIC_URL: 'http://auth.example.com', PORT: 'x' });
    assert.equal(code, 1);
    assert.match(output, /2 mistakes:\n {2}- PORT must .*\n {2}- PUBLIC_URL is http/s);
  });

  test('a policy with a mistake is refused with its line and column', async () => {
    writeFileSync(join(installation.folder, 'policy.yml'), 'acl:\n  - match: { acount: "x" }\n    actions: ["pull"]\n');
    const { code, output } = await installation.run(['serve']);
    assert.equal(code, 1);
    assert.match(output, /policy\.yml:2:\d+: .*acount.*account/);
  });

  test('a taken port, a missing policy and a folder that cannot be made are said by name', async (t) => {
    const server = await installation.serve();
    t.after(() => server.stop());
    const { port } = new URL(server.url);
    const taken = await installation.run(['serve'], { PORT: port });
    assert.equal(taken.code, 1);
    assert.match(taken.output, new RegExp(`Port ${port} is already in use`));
    const metrics = await installation.run(['serve'], { METRICS_LISTEN: `127.0.0.1:${port}` });
    assert.equal(metrics.code, 1);
    assert.match(metrics.output, /metrics .*\(EADDRINUSE\)\. METRICS_LISTEN/);
    const elsewhere = await installation.run(['serve'], { LISTEN_ADDRESS: '[::1]' });
    assert.match(elsewhere.output, /^\[::1\] isn't an address of this machine .*LISTEN_ADDRESS/m);
    // What listens already must not keep the process: whoever runs it starts anew only what has ended.
    assert.equal((await installation.run(['serve'], { PORT: port, METRICS_LISTEN: '127.0.0.1:0' })).code, 1);
    assert.match(
      (await installation.run(['serve'], { POLICY_FILE: '/nowhere.yml' })).output,
      /\/nowhere\.yml cannot be read/,
    );
    assert.match((await installation.run(['serve'], { DATA_DIR: '/dev/null/data' })).output, /\/dev\/null/);
    const noDatabase = await installation.run(['serve'], { DATABASE_URL: 'sqlite:/nowhere/x.db' });
    assert.match(noDatabase.output, /^The SQLite database \/nowhere\/x\.db cannot be opened: .*DATABASE_URL/);
    const tls = {
      PUBLIC_URL: 'https://localhost:5001',
      TLS_CERTIFICATE_FILE: '/nowhere.pem',
      TLS_KEY_FILE: '/nowhere.pem',
    };
    assert.match(
      (await installation.run(['serve'], tls)).output,
      /^Dockpass can't serve TLS .*TLS_CERTIFICATE_FILE names/m,
    );
    const endless = await installation.run(['serve'], { DATA_DIR: '/proc/nowhere/data' });
    assert.doesNotMatch(endless.output, /\n {4}at /, 'no stack');
    assert.match(endless.output, /\/proc\/nowhere.*ENOENT/, 'node tries for ever there');
  });
});

describe('the command line', () => {
  let installation: Installation;
  beforeEach(() => {
    installation = createInstallation();
  });
  afterEach(() => installation.remove());

  test('migrate makes the schema, and once more changes nothing', async () => {
    assert.match((await installation.run(['migrate'])).output, /applied 0001_init/);
    assert.match((await installation.run(['migrate'])).output, /up to date/);
  });

  test('a password is created, works at /auth, is listed, revoked, and works no more', async () => {
    await installation.run(['migrate']);
    await installation.addPerson('ana@example.com');
    const words = [
      'password',
      'create',
      'Ana@example.com',
      '--name',
      'ci',
      '--days',
      '7',
      '--pull-only',
      '--repository',
      'team/**',
    ];
    const created = await installation.run(words);
    assert.equal(created.code, 0, created.output);
    const secret = created.stdout.trim();
    assert.match(secret, /^dkp_\w{36}$/, 'standard output holds the secret and nothing else');

    const server = await installation.serve();
    const login = () =>
      fetch(`${server.url}/auth?service=registry.example.com`, {
        headers: { authorization: `Basic ${btoa(`ana@example.com:${secret}`)}` },
      });
    assert.equal((await login()).status, 200);

    const listed = await installation.run(['password', 'list', 'ana@example.com', '--json']);
    const [password] = JSON.parse(listed.stdout) as [{ id: string; state: string; limits: object }];
    assert.equal(password.state, 'active');
    assert.deepEqual(password.limits, { actions: ['pull'], repositories: ['team/**'] });
    assert.doesNotMatch(listed.stdout, new RegExp(secret.slice(4, 30)));

    assert.equal((await installation.run(['password', 'revoke', password.id])).code, 0);
    assert.equal((await login()).status, 401, 'by another process, and at once');
    assert.match((await installation.run(['password', 'list'])).stdout, /revoked/);
    await server.stop();
    assert.doesNotMatch(server.output(), new RegExp(secret.slice(4, 30)), 'no secret in the log');
  });

  const mistakes: [string, string[], number, RegExp][] = [
    ['a command that is not there', ['frobnicate'], 2, /no command "frobnicate"/],
    ['half a command', ['password'], 2, /password create .*\n.*password list/],
    [
      'an option that is not there',
      ['password', 'list', '--jsn'],
      2,
      /no option --jsn here\. Did you mean --json\?\nUsage: dockpass password list/,
    ],
    ['a missing operand', ['password', 'revoke'], 2, /Usage: dockpass password revoke ID/],
    ['a missing name', ['password', 'create', 'a@b.c'], 2, /--name is missing/],
    [
      'a number that is none',
      ['password', 'create', 'a@b.c', '--name', 'x', '--days', 'ten'],
      2,
      /--days takes a whole number/,
    ],
    [
      'a person nobody knows',
      ['password', 'create', 'a@b.c', '--name', 'x'],
      1,
      /a@b\.c has not signed in yet\. Ask them to sign in once at http:\/\/localhost:\d+\./,
    ],
    ['a password nobody knows', ['password', 'revoke', 'nowhere'], 1, /There is no password nowhere/],
    [
      'a service that is none',
      ['policy', 'explain', 'a@b.c', 'repository:x:pull', '--service', 'nope'],
      1,
      /There is no service "nope"\. SERVICES has registry\.example\.com/,
    ],
    ['a policy file that is not there', ['policy', 'check', '/nowhere.yml'], 1, /\/nowhere\.yml/],
  ];
  for (const [name, words, code, message] of mistakes) {
    test(`${name}: exit code ${code}`, async () => {
      const finished = await installation.run(words);
      assert.equal(finished.code, code, finished.output);
      assert.match(finished.output, message);
      assert.equal(finished.stdout, '', 'what is no result is not on standard output');
      assert.doesNotMatch(finished.output, /\n {4}at /, 'no stack');
    });
  }

  // Of every command, without a process for each: test/cli/command-table.test.ts.
  test('--help lists the commands, and explains one', async () => {
    const all = await installation.run(['--help']);
    assert.equal(all.code, 0);
    const commands = [...all.stdout.matchAll(/^ {2}(\S+(?: \S+)*?) {2,}/gm)].map(([, words = '']) => words);
    assert.ok(commands.includes('serve') && commands.includes('policy check'), all.stdout);
    for (const words of ['serve', 'policy check']) {
      const help = await installation.run([...words.split(' '), '--help']);
      assert.equal(help.code, 0, words);
      assert.match(help.stdout, new RegExp(`^Usage: dockpass ${words}`));
    }
  });

  test('policy check says what a file holds, or what is wrong in it', async () => {
    const good = await installation.run(['policy', 'check', join(installation.folder, 'policy.yml')]);
    assert.equal(good.code, 0);
    assert.match(good.stdout, /1 rule/);
  });
});
