/**
 * A program for a network of its own (image.test.ts): someone with git, Docker and an empty home, who runs the commands of
 * docs/getting-started.md. Usage: newcomer.ts LAYOUT FOLDER. Prints what they see, and exits as their shell does.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type DockerEngine, startDockerEngine } from './docker-engine.ts';
import { fencedIn } from './fenced.ts';
import { findProgram } from './parts.ts';
import { runProgram } from './process.ts';
import { succeed } from './registry-client.ts';

const [layout = '', folder = ''] = process.argv.slice(2);
const root = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

await using stack = new AsyncDisposableStack();
const engine = await startDockerEngine(join(folder, 'e'));
stack.defer(() => engine.stop());
const home = join(folder, 'home');
mkdirSync(home);
// What a release has published and a public registry has; nothing of it can be downloaded here.
const archive = join(folder, 'image.tar');
const name = `ghcr.io/dockpass/dockpass:${version}`;
await succeed(
  runProgram('skopeo', ['copy', '--quiet', `oci:${layout}:${version}`, `docker-archive:${archive}:${name}`]),
);
await succeed(engine.docker(['load', '--input', archive]));
await importRegistry(engine);
writeGitConfig();
addCompose();

const page = readFileSync(join(root, 'docs/getting-started.md'), 'utf8');
const blocks = fencedIn(page).flatMap(({ language, text }) => (language === 'sh' ? [text] : []));
const env = { HOME: home, PATH: process.env['PATH'] ?? '', DOCKER_HOST: engine.host };
// `!` keeps a shell from ending, so it's asked about what comes out of it.
const script = blocks.join('').replaceAll(/^! (.*)$/gm, 'if $1; then echo "$1" succeeded; exit 1; fi');
const done = await runProgram('sh', ['-e', '-x', '-c', script], { cwd: home, env });
console.log(done.output);
process.exitCode = done.code ?? 1;

/** Debian's registry under the name of the one that compose.yaml has: same program, an older version. */
async function importRegistry({ docker }: DockerEngine): Promise<void> {
  const program = findProgram('docker-registry') ?? 'docker-registry';
  const tree = join(folder, 'registry');
  const put = (from: string, to: string): void => {
    mkdirSync(dirname(join(tree, to)), { recursive: true });
    copyFileSync(from, join(tree, to));
  };
  put(program, 'bin/registry');
  for (const [library] of execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/\/\S+/g))
    put(library, library);
  const configuration = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: '/var/lib/registry' } },
    http: { addr: ':5000' },
  };
  for (const place of ['etc/distribution', 'var/lib/registry', 'tmp', 'certs'])
    mkdirSync(join(tree, place), { recursive: true });
  writeFileSync(join(tree, 'etc/distribution/config.yml'), JSON.stringify(configuration));
  execFileSync('tar', ['-cf', `${tree}.tar`, '-C', tree, '.']);
  const changes = ['ENTRYPOINT ["/bin/registry"]', 'CMD ["serve","/etc/distribution/config.yml"]'];
  const options = changes.flatMap((change) => ['--change', change]);
  await succeed(docker(['import', ...options, `${tree}.tar`, 'registry:3']));
}

/** The repository is this one. */
function writeGitConfig(): void {
  const lines = [
    '[safe]',
    'directory = *',
    `[url "file://${root}"]`,
    'insteadOf = https://github.com/dockpass/dockpass.git',
  ];
  writeFileSync(join(home, '.gitconfig'), `${lines.join('\n')}\n`);
}

/** `docker compose` is a plug-in; Debian 12 has the program before it, under another name. */
function addCompose(): void {
  if (spawnSync('docker', ['compose', 'version']).status === 0) return;
  const plugin = join(home, '.docker/cli-plugins/docker-compose');
  mkdirSync(dirname(plugin), { recursive: true });
  const metadata = JSON.stringify({ SchemaVersion: '0.1.0', Vendor: 'Debian', Version: 'v1' });
  writeFileSync(
    plugin,
    `#!/bin/sh\nif [ "$1" = docker-cli-plugin-metadata ]; then echo '${metadata}'; exit; fi\nshift\nexec docker-compose "$@"\n`,
  );
  chmodSync(plugin, 0o755);
}
