/** The demo's command: reads the arguments, checks the ports, starts everything, says what to do, stops everything. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { isFree } from '../test/support/ports.ts';
import { checkStory } from './demo-check.ts';
import { claimFolder, endLeftovers } from './demo-claim.ts';
import { pushHello } from './demo-push.ts';
import { type DemoPorts, startDemo, usualPorts } from './demo-services.ts';
import { welcome } from './demo-welcome.ts';

const usage = `Usage: script/demo [options]
       script/demo push REPOSITORY [--user EMAIL] [options]

Starts Dockpass, an OpenID provider that stands in for Google and, where docker-registry is installed, a registry.
"push" puts a small image into that registry, with a password that it reads from standard input; nothing else is needed for it.

  --port N            Dockpass (5001)
  --registry-port N   the registry (5000)
  --provider-port N   the provider (5002)
  --fresh             forget what an earlier demo left in .demo/
  --empty             begin without the company's past (with --fresh where there is one)
  --user EMAIL        who pushes (ana@example.com)
  --check             run the whole story without a person, on free ports and in a temporary folder; exit 0 or 1
  --help
`;

const stateFolder = resolve(import.meta.dirname, '../.demo');

/** A mistake of the person who called: said without a stack. */
class UsageError extends Error {}

type Options = {
  readonly ports: DemoPorts;
  readonly fresh: boolean;
  readonly empty: boolean;
  readonly check: boolean;
  readonly help: boolean;
  /** The repository of `push REPOSITORY`. */
  readonly push: string | null;
  readonly user: string;
};

function readOptions(args: string[]): Options {
  const port = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = { port, 'registry-port': port, 'provider-port': port, fresh: flag, empty: flag, check: flag };
  const known = { ...options, help: flag, user: { type: 'string', default: 'ana@example.com' } } as const;
  let values: Record<string, string | boolean | undefined>;
  let words: string[];
  try {
    ({ values, positionals: words } = parseArgs({ args, options: known, allowPositionals: true }));
  } catch (error) {
    // What Node adds to an unknown option is about positional arguments, and its quotes don't match.
    const problem = (error as Error).message.replace(/ To specify a positional argument .*/s, '');
    throw new UsageError(`${problem}\n\n${usage}`);
  }
  const [verb, push = null, ...more] = words;
  if (verb !== undefined && (verb !== 'push' || push === null || more.length > 0)) {
    throw new UsageError(`The only command is: script/demo push REPOSITORY\n\n${usage}`);
  }
  const number = (name: string, fallback: number): number => {
    const value = Number(values[name] ?? fallback);
    if (!Number.isInteger(value) || value < 1 || value > 65_535) {
      throw new UsageError(`--${name} ${values[name]}: a port is a number from 1 to 65535.`);
    }
    return value;
  };
  return {
    ports: {
      dockpass: number('port', usualPorts.dockpass),
      registry: number('registry-port', usualPorts.registry),
      provider: number('provider-port', usualPorts.provider),
    },
    push,
    user: String(values['user']),
    fresh: values['fresh'] === true,
    empty: values['empty'] === true,
    check: values['check'] === true,
    help: values['help'] === true,
  };
}

/** @throws UsageError that names every port that is taken and the option that chooses another */
async function refuseTakenPorts({ dockpass, registry, provider }: DemoPorts): Promise<void> {
  const named = [
    { port: dockpass, option: '--port', program: 'Dockpass' },
    { port: registry, option: '--registry-port', program: 'the registry' },
    { port: provider, option: '--provider-port', program: 'the provider' },
  ];
  if (new Set(named.map(({ port }) => port)).size < named.length) {
    throw new UsageError('Dockpass, the registry and the provider need three different ports.');
  }
  const problems: string[] = [];
  for (const { port, option, program } of named) {
    if (!(await isFree(port))) problems.push(`Port ${port} for ${program} is taken. Choose another: ${option} N`);
  }
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
}

/** Runs until Ctrl-C or until one of the parts ends by itself. @returns the exit code */
async function serve({ ports, fresh, empty }: Options, interrupted: Promise<void>): Promise<number> {
  const ended = await endLeftovers(stateFolder);
  if (ended.length > 0) console.log(`An earlier demo was killed; ended what it left running: ${ended.join(', ')}.`);
  await refuseTakenPorts(ports);
  if (fresh) await rm(stateFolder, { recursive: true, force: true });
  await mkdir(stateFolder, { recursive: true });
  await using stack = new AsyncDisposableStack();
  const onStart = await claimFolder(stateFolder, stack);
  console.log('Starting a provider, Dockpass and a registry, a few seconds ...');
  const demo = await startDemo({ folder: stateFolder, ports, onStart, past: !empty }, stack);
  console.log(await welcome(demo, !empty));
  const casualty = await Promise.race([interrupted, demo.casualty]);
  if (casualty === undefined) {
    console.log('\nStopping ...');
    return 0;
  }
  console.error(`\n${casualty.name} ended by itself; stopping the rest. Its last words:\n${casualty.lastWords}`);
  return 1;
}

/** @returns the exit code */
async function check(interrupted: Promise<void>): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-demo-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const demo = await startDemo({ folder }, stack);
  const passed = await Promise.race([checkStory(demo, folder, console.log), interrupted.then(() => false)]);
  return passed ? 0 : 1;
}

async function push(repository: string, { ports, user }: Options): Promise<number> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const secret = (await lines.question(`Password of ${user} (from ${urlOf(ports)}): `)).trim();
  lines.close();
  console.log(
    await pushHello({ url: urlOf(ports), registry: `localhost:${ports.registry}`, repository, user, secret }),
  );
  return 0;
}

function urlOf({ dockpass }: DemoPorts): string {
  return `http://localhost:${dockpass}`;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    console.log(usage);
    return 0;
  }
  if (options.push !== null) return push(options.push, options);
  const { promise: interrupted, resolve: interrupt } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => interrupt());
  return options.check ? check(interrupted) : serve(options, interrupted);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error((error as Error).message); // a part that did not start brings its own last words
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
