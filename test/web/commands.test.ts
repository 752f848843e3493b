/** The commands to paste, run by a real shell with stand-ins for the tools: what each tool is given, and how. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { type Login, quote, toolsFor } from '../../src/web/commands.ts';

const secret = `dkp_${'Ab3'.repeat(12)}`;
const login: Login = { hosts: ['registry.example.com'], user: 'ana@example.com', secret };
/** The worst that an e-mail address may hold (RFC 5322, 3.2.3), and two registries. */
const hostile: Login = {
  hosts: ['registry.example.com:5000', '[2001:db8::1]:5000'],
  user: `o'brien$(id)\`id\`&|{}!#*?"x @example.com`,
  secret,
};

const codeOf = (given: Login, key: string, step = 0): string => {
  const code = toolsFor(given).find((tool) => tool.key === key)?.steps[step]?.code;
  assert.ok(code !== undefined);
  return code;
};

describe('the commands in a shell', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'dockpass-commands-'));
    for (const tool of ['docker', 'podman', 'skopeo', 'helm', 'kubectl', 'gh', 'glab']) {
      writeFileSync(
        join(folder, tool),
        `#!/bin/sh\nfor word; do printf '%s\\0' "$word"; done >>"$OUT.args"\ncat >>"$OUT.input"\n`,
      );
      chmodSync(join(folder, tool), 0o755);
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  /** What the tool was called with, and what it read. */
  const run = (code: string, environment: Record<string, string> = {}): { words: string[]; input: string } => {
    const out = join(folder, `out-${Math.random()}`);
    const env = { PATH: `${folder}${delimiter}/usr/bin${delimiter}/bin`, OUT: out, ...environment };
    execFileSync('sh', ['-eu', '-c', code], { env });
    return {
      words: readFileSync(`${out}.args`, 'utf8').split('\0').slice(0, -1),
      input: readFileSync(`${out}.input`, 'utf8'),
    };
  };
  const docker = (host: string, user: string) => ['login', host, '-u', user, '--password-stdin'];

  for (const key of ['docker', 'podman', 'skopeo']) {
    test(`${key} gets the secret on its standard input`, () => {
      assert.deepEqual(run(codeOf(login, key)), {
        words: docker('registry.example.com', 'ana@example.com'),
        input: `${secret}\n`,
      });
    });
  }

  test('helm logs in to its registry', () => {
    const { words, input } = run(codeOf(login, 'helm'));
    assert.deepEqual(words, ['registry', ...docker('registry.example.com', 'ana@example.com')]);
    assert.equal(input, `${secret}\n`);
  });

  test('each registry is logged in to, and no character of a name means anything to the shell', () => {
    const { words, input } = run(codeOf(hostile, 'docker'));
    assert.deepEqual(
      words,
      hostile.hosts.flatMap((host) => docker(host, hostile.user)),
    );
    assert.equal(input, `${secret}\n${secret}\n`);
  });

  for (const key of ['docker', 'podman', 'skopeo', 'helm']) {
    test(`${key} also asks for the secret: the same command, and no secret in it`, () => {
      const { prompt } = toolsFor(hostile).find((tool) => tool.key === key) ?? assert.fail();
      assert.ok(prompt !== null && !prompt.includes(secret));
      const { words } = run(`${prompt} </dev/null`.replaceAll('\n', ' </dev/null\n'));
      assert.deepEqual(
        words,
        run(codeOf(hostile, key)).words.filter((word) => word !== '--password-stdin'),
      );
    });
  }

  test('gh asks for the secret that it stores', () => {
    const { prompt } = toolsFor(login).find(({ key }) => key === 'github') ?? assert.fail();
    assert.deepEqual(run(`${prompt} </dev/null`).words, ['secret', 'set', 'REGISTRY_PASSWORD']);
  });

  test('kubectl reads a pull secret that says user and password of each registry', () => {
    const { words, input } = run(codeOf(hostile, 'kubernetes'));
    assert.deepEqual(words, ['apply', '-f', '-']);
    const manifest = parse(input);
    assert.equal(manifest.type, 'kubernetes.io/dockerconfigjson');
    assert.match(manifest.metadata.name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    const { auths } = JSON.parse(manifest.stringData['.dockerconfigjson']);
    assert.deepEqual(Object.keys(auths), hostile.hosts);
    for (const { auth } of Object.values<{ auth: string }>(auths)) {
      assert.equal(Buffer.from(auth, 'base64').toString(), `${hostile.user}:${secret}`);
    }
    assert.equal(parse(codeOf(hostile, 'kubernetes', 1)).spec.imagePullSecrets[0].name, manifest.metadata.name);
  });

  for (const key of ['github', 'gitlab']) {
    test(`${key}: the secret is stored by a pipe, and the job logs in with the stored one`, () => {
      const stored = run(codeOf(hostile, key));
      assert.equal(stored.input, secret);
      assert.ok(stored.words.includes('REGISTRY_PASSWORD'));

      const job = codeOf(hostile, key, 1);
      assert.ok(!job.includes(secret));
      const parsed = parse(job);
      const script: string = key === 'github' ? parsed[0].run : parsed.before_script[0];
      const { words, input } = run(script, { REGISTRY_PASSWORD: secret });
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

test('no tool is given the secret as an argument', () => {
  for (const { label, steps } of toolsFor(hostile)) {
    for (const line of steps.flatMap(({ code }) => code.split('\n'))) {
      if (line.includes(secret)) assert.match(line, /^(?:echo|printf %s) dkp_\w+ \| /, label);
    }
  }
});

test('a registry on loopback is told to podman and skopeo as one without TLS', () => {
  for (const host of ['localhost:5000', '127.0.0.1:5000', '[::1]:5000']) {
    assert.match(codeOf({ ...login, hosts: [host] }, 'podman'), / --tls-verify=false /);
    assert.match(codeOf({ ...login, hosts: [host] }, 'skopeo'), / --tls-verify=false /);
    assert.doesNotMatch(codeOf({ ...login, hosts: [host] }, 'docker'), /tls-verify/);
  }
  assert.doesNotMatch(codeOf({ ...login, hosts: ['localhost.example.com'] }, 'podman'), /tls-verify/);
});
