/** Completion in the shells themselves, the manual page as man reads it, and what a terminal shows that a pipe doesn't. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { createInstallation } from '../support/installation.ts';
import { missing } from '../support/parts.ts';
import { runProgram, startProgram } from '../support/process.ts';
import { main } from '../support/program.ts';

const esc = '\u001b';
const withoutCodes = (text: string): string => stripVTControlCharacters(text).replaceAll('\r', '');

describe('without settings', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-shells-'));
  // A file that can't be read, and no database: what works here needs neither.
  const env = { PATH: process.env['PATH'] ?? '', DOCKPASS_ENV_FILE: join(folder, 'missing'), HOME: folder };
  const dockpass = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, output } = await runProgram(process.execPath, [main, ...words], { cwd: folder, env });
    assert.equal(code, 0, output);
    return stdout;
  };
  before(() => writeFileSync(join(folder, 'policy.yml'), 'acl: []\n'));
  after(() => rmSync(folder, { recursive: true }));

  test('bash completes commands, options, their words and files', { skip: missing('bash') }, async () => {
    const script = await dockpass('completion', 'bash');
    const complete = async (...words: readonly string[]): Promise<string[]> => {
      const given = words.map((word) => `'${word}'`).join(' ');
      const program = `${script}\nCOMP_WORDS=(dockpass ${given}); COMP_CWORD=${words.length}; _dockpass; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { code, stdout, output } = await runProgram('bash', ['--norc', '-u', '-c', program], { cwd: folder, env });
      assert.equal(code, 0, output);
      return stdout.split('\n').filter((line) => line !== '');
    };
    assert.deepEqual(await complete('pass'), ['password']);
    assert.deepEqual(await complete('password', 're'), ['revoke']);
    assert.deepEqual(await complete('password', 'list', '--'), ['--json', '--help', '--quiet']);
    assert.deepEqual(await complete('completion', ''), ['bash', 'zsh', 'fish']);
    assert.deepEqual(await complete('audit', 'export', '--format', 'j'), ['jsonl', 'json']);
    assert.deepEqual(await complete('policy', 'check', 'pol'), ['policy.yml']);
    assert.deepEqual(await complete('policy', 'check', '--workloads', 'pol'), ['policy.yml']);
    assert.deepEqual(await complete('password', 'create', '--name', ''), []);
  });

  test('zsh completes at its prompt', { skip: missing('zsh') }, async () => {
    writeFileSync(join(folder, '_dockpass'), await dockpass('completion', 'zsh'));
    // A terminal of its own, in which each answer is waited for.
    const program = `
      zmodload zsh/zpty
      zpty z zsh -f -i
      zpty -w z "fpath=(${folder} \\$fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' list-choices; print READ''Y"
      zpty -r z out '*READY*'
      ask() { zpty -wn z $'\\x15'"$1"$'\\t'; zpty -r z out "*$2*"; print -r -- "$out" }
      ask 'dockpass password ' rotate
      ask 'dockpass policy check --' strict
      ask 'dockpass completion ' zsh`;
    const env = { PATH: process.env['PATH'] ?? '', TERM: 'xterm', HOME: folder, COLUMNS: '200' };
    const { output } = await runProgram('timeout', ['60', 'zsh', '-f', '-c', program], { cwd: folder, env });
    for (const found of [/create\s+-- Create an app password/, /--strict\s+-- also exit 1/, /bash +fish +zsh/]) {
      assert.match(output, found);
    }
  });

  test('fish completes', { skip: missing('fish') }, async () => {
    const file = join(folder, 'dockpass.fish');
    writeFileSync(file, await dockpass('completion', 'fish'));
    const complete = async (line: string): Promise<string[]> => {
      const { code, stdout, output } = await runProgram('fish', ['-c', `source ${file}; complete -C '${line}'`], {
        cwd: folder,
        env,
      });
      assert.equal(code, 0, output);
      return stdout.split('\n').flatMap((text) => text.split('\t')[0] || []);
    };
    assert.deepEqual(await complete('dockpass passw'), ['password']);
    assert.deepEqual(await complete('dockpass password re'), ['revoke']);
    assert.deepEqual(await complete('dockpass audit export --format j'), ['json', 'jsonl']);
    assert.deepEqual(await complete('dockpass policy check --str'), ['--strict']);
    assert.ok(!(await complete('dockpass policy check --')).includes('--days'));
  });

  test('the manual page is one that man and mandoc take', { skip: missing('man', 'mandoc') }, async () => {
    const input = await dockpass('man');
    const { output } = await runProgram('mandoc', ['-T', 'lint', '-W', 'warning'], { input });
    // The page has the version and no date: it's the same from the same source.
    assert.deepEqual(
      output.split('\n').filter((line) => line !== '' && !line.includes('missing date')),
      [],
    );
    const shown = await runProgram('man', ['--warnings', '-l', '-'], { input, env: { ...env, MANWIDTH: '100' } });
    assert.equal(shown.code, 0, shown.output);
    assert.match(shown.output, /^EXIT STATUS$/m);
    assert.match(shown.output, /--repository PATTERN/);
    assert.doesNotMatch(shown.output, /: warning/);
    assert.doesNotMatch(shown.output, /\\-/);
  });

  test('a settings file that is named and missing is said, where settings are needed', async () => {
    const { code, output } = await runProgram(process.execPath, [main, 'password', 'list'], { cwd: folder, env });
    assert.equal(code, 1);
    assert.match(output, /^DOCKPASS_ENV_FILE names .*missing, which can't be read: /);
  });

  test('why a settings file can’t be read is said as it is: not each is missing', async () => {
    const loop = join(folder, 'loop.env');
    symlinkSync('loop.env', loop);
    const { output } = await runProgram(process.execPath, [main, 'password', 'list'], {
      cwd: folder,
      env: { ...env, DOCKPASS_ENV_FILE: loop },
    });
    assert.match(output, /loop\.env, which can't be read: ELOOP/);
  });

  test('the environment wins over the settings file, also with an empty value', async () => {
    const file = join(folder, 'own.env');
    writeFileSync(file, 'PUBLIC_URL=ftp://file\nSERVICES=a/b\n');
    const { output } = await runProgram(process.execPath, [main, 'password', 'list'], {
      cwd: folder,
      env: { ...env, DOCKPASS_ENV_FILE: file, SERVICES: '' },
    });
    assert.match(output, /PUBLIC_URL must be an absolute URL such as \S+ not "ftp:\/\/file"\n.*SERVICES is required/);
  });
});

/** Runs the words on a terminal of their own (util-linux); both outputs come together, as a person sees them. */
describe('on a terminal', { skip: missing('script') }, () => {
  const installation = createInstallation();
  const show = async (words: string, changes: Record<string, string> = {}): Promise<string> => {
    const env = { ...installation.environment, TERM: 'xterm', ...changes };
    const line = `${process.execPath} ${main} ${words}`;
    const { stdout } = await runProgram('script', ['--quiet', '--echo', 'never', '--command', line, '/dev/null'], {
      cwd: installation.folder,
      env,
    });
    return stdout.replaceAll('\r\n', '\n');
  };
  before(async () => {
    assert.equal((await installation.run(['migrate'])).code, 0);
    await installation.addPerson('ana@example.com');
    await installation.run(['password', 'create', 'ana@example.com', '--name', 'laptop']);
  });
  after(() => installation.remove());

  test('a list has bold headers over aligned columns; a pipe, --quiet and NO_COLOR have less', async () => {
    const shown = await show('password list');
    const [head = '', row = ''] = withoutCodes(shown).split('\n');
    assert.ok(shown.includes(`${esc}[1mID  `), shown);
    assert.match(head, /^ID +LOGIN +NAME +PASSWORD +STATE/);
    assert.equal(head.indexOf('LOGIN'), row.indexOf('ana@example.com'));
    assert.equal(head.indexOf('STATE'), row.indexOf('active'));
    for (const changes of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const plain = await show('password list', changes);
      assert.match(withoutCodes(plain), /^ID +LOGIN/);
      assert.ok(!plain.includes(`${esc}[1m`));
    }
    assert.doesNotMatch(await show('password list --quiet'), /LOGIN/);
    const { output } = await installation.run(['password', 'list']);
    assert.match(output, /^\S+ {2}ana@example\.com {2}laptop {2}\S+ {2}active {2}full access {2}/);
    assert.ok(!output.includes(esc) && !output.includes('LOGIN'));
  });

  test('long work shows how far it is and removes that, but not with --quiet', async () => {
    const shown = await show(`backup ${join(installation.folder, 'one')}`);
    assert.ok(shown.includes(`\r${esc}[KCopying the database ...`), JSON.stringify(shown));
    assert.ok(shown.endsWith(`\r${esc}[K${join(installation.folder, 'one')}\n`), JSON.stringify(shown));
    assert.equal(
      await show(`backup ${join(installation.folder, 'two')} --quiet`),
      `${join(installation.folder, 'two')}\n`,
    );
    const dumb = await show(`backup ${join(installation.folder, 'three')}`, { TERM: 'dumb' });
    assert.equal(dumb, `${join(installation.folder, 'three')}\n`);
  });

  test('serve speaks to people: a summary and a log as text, unless LOG_FORMAT=json', async () => {
    const start = async (changes: Record<string, string>) => {
      const env = { ...installation.environment, TERM: 'xterm', ...changes };
      const line = `${process.execPath} ${main} serve`;
      const running = await startProgram('script', ['--quiet', '--command', line, '/dev/null'], {
        cwd: installation.folder,
        env,
        ready: /listening/,
      });
      // Without its terminal the service would go on: SIGHUP means reload.
      const stop = async (): Promise<void> => {
        process.kill(Number(/\bpid"?[=:](\d+)/.exec(running.output())?.[1]));
        await running.ended;
      };
      return { ...running, stop };
    };
    const text = await start({});
    await text.says(
      /Dockpass \S+ is running at http:\/\/localhost:5001[\s\S]*Administrators +none yet: set ADMIN_EMAILS[\s\S]*dockpass doctor registry\.example\.com/,
    );
    await text.stop();
    assert.match(text.output(), /^\d\d:\d\d:\d\d {2}info +listening {2}pid=/m);
    const json = await start({ LOG_FORMAT: 'json' });
    await json.stop();
    assert.doesNotMatch(json.output(), /is running at/);
    assert.match(json.output(), /^\{"level":"info".*"msg":"listening"\}/m);
  });

  test('a port that is taken is named, with what to do', async () => {
    const server = await installation.serve();
    const { port } = new URL(server.url);
    const taken = await installation.run(['serve'], { PORT: port });
    await server.stop();
    assert.equal(taken.code, 1);
    assert.match(taken.output, new RegExp(`Port ${port} is already in use\\. Stop the other process, or set PORT`));
  });
});
