/** The commands to paste, run by a real shell with stand-ins for the tools: what each tool is given, and how. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { toolGroups } from '../../src/web/commands.ts';
import { type Login, quote } from '../../src/web/login-lines.ts';
import { missing } from '../support/parts.ts';

const secret = `dkp_${'Ab3'.repeat(12)}`;
const login: Login = { hosts: ['registry.example.com'], user: 'ana@example.com', secret };
/** The worst that an e-mail address may hold (RFC 5322, 3.2.3), and two registries. */
const hostile: Login = {
  hosts: ['registry.example.com:5000', '[2001:db8::1]:5000'],
  user: `o'brien$(id)\`id\`&|{}!#*?"x @example.com`,
  secret,
};

const toolsFor = (given: Login) => toolGroups(given).flatMap(({ tools }) => tools);
const toolOf = (given: Login, key: string) => toolsFor(given).find((tool) => tool.key === key) ?? assert.fail(key);
const codeOf = (given: Login, key: string, step = 0): string =>
  toolOf(given, key).steps[step]?.code ?? assert.fail(key);
const oneGoOf = (given: Login, key: string): string => toolOf(given, key).oneGo ?? assert.fail(key);
const fileOf = (given: Login, key: string): string => toolOf(given, key).file?.text ?? assert.fail(key);
const terminals = ['docker', 'podman', 'buildah', 'skopeo', 'helm', 'nerdctl', 'oras'];

describe('the commands in a shell', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'dockpass-commands-'));
    for (const tool of [...terminals, 'crane', 'kubectl', 'gh', 'glab']) {
      writeFileSync(
        join(folder, tool),
        `#!/bin/sh\nfor word; do printf '%s\\0' "$word"; done >>"$OUT.args"\ncat >>"$OUT.input"\n`,
      );
      chmodSync(join(folder, tool), 0o755);
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  /** What the tool was called with, and what it read. */
  const run = (
    code: string,
    {
      environment = {},
      typed = '',
      shell = 'sh',
      options = ['-eu'],
    }: Partial<Record<'typed' | 'shell', string>> & { environment?: object; options?: readonly string[] } = {},
  ): { words: string[]; input: string } => {
    const out = join(folder, `out-${Math.random()}`);
    const env = { PATH: `${folder}${delimiter}/usr/bin${delimiter}/bin`, OUT: out, ...environment };
    execFileSync(shell, [...options, '-c', code], { env, input: typed });
    return {
      words: readFileSync(`${out}.args`, 'utf8').split('\0').slice(0, -1),
      input: readFileSync(`${out}.input`, 'utf8'),
    };
  };
  const docker = (host: string, user: string) => ['login', host, '-u', user, '--password-stdin'];

  for (const key of terminals) {
    const begin = key === 'helm' ? ['registry'] : [];

    test(`${key} asks for the secret, at each registry, whatever the user is called`, () => {
      const { words, input } = run(codeOf(hostile, key), { typed: `${secret}\n` });
      const asked = (host: string) => [...begin, 'login', host, '-u', hostile.user];
      assert.deepEqual(words, hostile.hosts.flatMap(asked));
      assert.equal(input, `${secret}\n`);
    });

    test(`${key}, in one go, gets the secret on its standard input`, () => {
      const { words, input } = run(oneGoOf(hostile, key));
      assert.deepEqual(
        words,
        hostile.hosts.flatMap((host) => [...begin, ...docker(host, hostile.user)]),
      );
      assert.equal(input, `${secret}\n${secret}\n`);
    });
  }

  test('docker is logged in by fish too, whatever the user is called', { skip: missing('fish') }, () => {
    const { words, input } = run(oneGoOf(hostile, 'docker'), { shell: 'fish', options: [] });
    assert.deepEqual(
      words,
      hostile.hosts.flatMap((host) => docker(host, hostile.user)),
    );
    assert.equal(input, `${secret}\n${secret}\n`);
    const typed = run(codeOf(hostile, 'docker'), { shell: 'fish', options: [], typed: `${secret}\n` });
    assert.deepEqual(
      typed.words,
      hostile.hosts.flatMap((host) => ['login', host, '-u', hostile.user]),
    );
  });

  test('crane, which never asks, is handed what was typed once, at each registry', () => {
    const { words, input } = run(codeOf(hostile, 'crane'), { shell: 'bash', typed: `${secret}\n` });
    assert.deepEqual(
      words,
      hostile.hosts.flatMap((host) => ['auth', ...docker(host, hostile.user)]),
    );
    assert.equal(input, secret + secret);
    assert.deepEqual(run(oneGoOf(hostile, 'crane')).words, words);
  });

  test('BuildKit pushes with the login of docker', () => {
    assert.equal(codeOf(login, 'buildkit'), codeOf(login, 'docker'));
    const { words } = run(codeOf(login, 'buildkit', 1));
    assert.deepEqual(words, ['buildx', 'build', '--push', '--tag', 'registry.example.com/team/app:1', '.']);
  });

  test('gh asks for the secret that it stores', () => {
    assert.deepEqual(run(codeOf(login, 'github')).words, ['secret', 'set', 'REGISTRY_PASSWORD']);
  });

  test('glab is handed what was typed, without the line break that GitLab would refuse to mask', () => {
    const { words, input } = run(codeOf(login, 'gitlab'), { shell: 'bash', typed: `${secret}\n` });
    assert.deepEqual(words, ['variable', 'set', 'REGISTRY_PASSWORD', '--masked']);
    assert.equal(input, secret);
  });

  test('kubectl reads a pull secret that says user and password of each registry, as typed', () => {
    const { words, input } = run(codeOf(hostile, 'kubernetes'), { shell: 'bash', typed: `${secret}\n` });
    assert.ok(words.includes('--from-file=.dockerconfigjson=/dev/stdin'));
    const expected = hostile.hosts.map((host) => [host, { username: hostile.user, password: secret }]);
    assert.deepEqual(JSON.parse(input), { auths: Object.fromEntries(expected) });
    const { metadata } = parse(oneGoOf(hostile, 'kubernetes').split('\n').slice(1, -1).join('\n'));
    assert.match(metadata.name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    assert.ok(words.includes(metadata.name));
    assert.equal(parse(codeOf(hostile, 'kubernetes', 1)).spec.imagePullSecrets[0].name, metadata.name);
  });

  test('kubectl, in one go, reads the same pull secret', () => {
    const { words, input } = run(oneGoOf(hostile, 'kubernetes'));
    assert.deepEqual(words, ['apply', '-f', '-']);
    const manifest = parse(input);
    assert.equal(manifest.type, 'kubernetes.io/dockerconfigjson');
    const { auths } = JSON.parse(manifest.stringData['.dockerconfigjson']);
    assert.deepEqual(Object.keys(auths), hostile.hosts);
    for (const { auth } of Object.values<{ auth: string }>(auths)) {
      assert.equal(Buffer.from(auth, 'base64').toString(), `${hostile.user}:${secret}`);
    }
  });

  for (const key of ['github', 'gitlab']) {
    test(`${key}: the secret is stored by a pipe, and the job logs in with the stored one`, () => {
      const stored = run(oneGoOf(hostile, key));
      assert.equal(stored.input, secret);
      assert.ok(stored.words.includes('REGISTRY_PASSWORD'));

      const job = codeOf(hostile, key, 1);
      assert.ok(!job.includes(secret));
      const parsed = parse(job);
      const script: string = key === 'github' ? parsed[0].run : parsed.before_script[0];
      const { words, input } = run(script, { environment: { REGISTRY_PASSWORD: secret } });
      assert.deepEqual(
        words,
        hostile.hosts.flatMap((host) => docker(host, hostile.user)),
      );
      assert.equal(input, `${secret}\n${secret}\n`);
    });
  }

  test('a quoted word is the same word for the shell, whatever is in it', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 0, maxLength: 40 }).filter((word) => !word.includes('\0'));
    fc.assert(
      fc.property(text, (word) => {
        assert.equal(execFileSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' }), word);
      }),
      { numRuns: 40 },
    );
  });
});

describe('the files to save', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'dockpass-files-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const save = (given: Login, key: string): string => {
    const file = join(folder, toolOf(given, key).file?.name ?? assert.fail(key));
    writeFileSync(file, fileOf(given, key));
    return file;
  };

  test('skopeo finds in config.json who logs in at each registry', { skip: missing('skopeo') }, () => {
    const file = save(hostile, 'config');
    for (const host of hostile.hosts) {
      const found = execFileSync('skopeo', ['login', '--get-login', '--authfile', file, host], { encoding: 'utf8' });
      assert.equal(found, `${hostile.user}\n`);
    }
  });

  test('kubectl reads secret.yaml as a pull secret with the same login', { skip: missing('kubectl') }, () => {
    // Labels it without asking a cluster.
    const args = ['label', '--local', '-f', save(hostile, 'secret'), 'read=yes', '-o', 'json'];
    const { type, metadata, stringData } = JSON.parse(execFileSync('kubectl', args, { encoding: 'utf8' }));
    assert.equal(type, 'kubernetes.io/dockerconfigjson');
    assert.ok(codeOf(hostile, 'secret', 1).includes(`- name: ${metadata.name}`));
    assert.deepEqual(JSON.parse(stringData['.dockerconfigjson']), JSON.parse(fileOf(hostile, 'config')));
  });

  test('kubectl reads what Argo CD takes as the login of each registry', { skip: missing('kubectl') }, () => {
    const args = ['label', '--local', '-f', save(hostile, 'argocd'), 'read=yes', '-o', 'json'];
    const documents = execFileSync('kubectl', args, { encoding: 'utf8' }).split(/^(?=\{)/m);
    const read = documents.map((text) => JSON.parse(text));
    assert.deepEqual(
      read.map(({ metadata, stringData }) => [metadata.labels['argocd.argoproj.io/secret-type'], stringData]),
      hostile.hosts.map((url) => [
        'repo-creds',
        { type: 'helm', enableOCI: 'true', url, username: hostile.user, password: secret },
      ]),
    );
    assert.equal(new Set(read.map(({ metadata }) => metadata.name)).size, hostile.hosts.length);
  });

  test('a source of Flux names the pull secret that the file creates', () => {
    const { metadata, type } = parse(fileOf(hostile, 'flux'));
    assert.equal(type, 'kubernetes.io/dockerconfigjson');
    assert.equal(parse(codeOf(hostile, 'flux', 1)).spec.secretRef.name, metadata.name);
  });

  test('registries.yaml gives containerd user and password of each registry', () => {
    const auth = { username: hostile.user, password: secret };
    const expected = hostile.hosts.map((host) => [host, { auth }]);
    assert.deepEqual(parse(fileOf(hostile, 'k3s')), { configs: Object.fromEntries(expected) });
  });
});

test('no step holds the secret; in one go it is not an argument, and a space in front keeps it out of histories', () => {
  for (const { label, steps, oneGo } of toolsFor(hostile)) {
    for (const { code } of steps) assert.ok(!code.includes(secret), label);
    if (oneGo === null) continue;
    assert.match(oneGo, /^ /, label);
    for (const line of oneGo.split('\n')) {
      if (line.includes(secret)) assert.match(line, /^ (?:echo|printf %s) dkp_\w+ \| /, label);
    }
  }
});

test('a name with an apostrophe is quoted as PowerShell reads it too', () => {
  assert.equal(quote("o'brien@example.com"), `"o'brien@example.com"`);
  assert.equal(quote('ana@example.com'), 'ana@example.com');
});

test('a registry on loopback has an option for podman and skopeo: no TLS', () => {
  for (const host of ['localhost:5000', '127.0.0.1:5000', '[::1]:5000']) {
    assert.match(codeOf({ ...login, hosts: [host] }, 'podman'), / --tls-verify=false /);
    assert.match(codeOf({ ...login, hosts: [host] }, 'skopeo'), / --tls-verify=false /);
    assert.doesNotMatch(codeOf({ ...login, hosts: [host] }, 'docker'), /tls-verify/);
  }
  assert.doesNotMatch(codeOf({ ...login, hosts: ['localhost.example.com'] }, 'podman'), /tls-verify/);
});
