/** The bench's command: starts the floors and Dockpass in each of its shapes, loads them in turn, prints what came out. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findProgram } from '../test/support/parts.ts';
import { findPostgres, startPostgres } from '../test/support/postgres.ts';
import { type Case, growth, shapes, startCase, startFloor } from './cases.ts';
import { compareWithGoals } from './goals.ts';
import { type Measured, runLoad } from './load.ts';

const usage = `Usage: script/bench [options]

Loads Dockpass's /auth with wrk beside two bare node:http servers: floor A signs one ES256 token a request, floor B
answers a constant. Each run of a case comes right after a run of A; its ratio is to that run.

  --seconds N      of each run (3)
  --rounds N       runs of each case; medians are printed (3)
  --case NAMES     only these, comma-separated: ${Object.keys(shapes).join(', ')}
  --growth         a million app passwords, a thousand rules, beside the small case
                   (cases: ${Object.keys(growth).join(', ')})
  --json FILE      writes the figures there too
  --help
`;

/** A mistake of the person who called: said without a stack. */
class UsageError extends Error {}

function readOptions(args: string[]) {
  const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args,
    options: { seconds: text('3'), rounds: text('3'), case: text(''), json: text(''), growth: flag, help: flag },
  });
  const count = (name: 'seconds' | 'rounds') => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1) throw new UsageError(`--${name} takes a whole number from 1.`);
    return value;
  };
  const all = values.growth ? growth : shapes;
  const names = values.case === '' ? Object.keys(all) : values.case.split(',');
  const chosen = names.map((name) => {
    const shape = all[name];
    if (shape === undefined) throw new UsageError(`There is no case "${name}": ${Object.keys(all).join(', ')}`);
    return { name, shape };
  });
  return { ...values, seconds: count('seconds'), rounds: count('rounds'), chosen };
}

type Options = ReturnType<typeof readOptions>;

/** Rates in requests a second, times in milliseconds, memory in MB. */
type Result = {
  readonly name: string;
  readonly what: string;
  readonly rate: number;
  /** To floor A. */
  readonly ratio: number;
  /** Microseconds of processor time that a request takes: what the load of other programs disturbs least. */
  readonly processor: number;
  readonly p50: number;
  readonly p99: number;
  /** Under half the load that it can carry. */
  readonly halfP99: number;
  readonly peakMemory: number;
  readonly startup: number;
};

type Round = Measured & Pick<Result, 'ratio' | 'processor'>;

const connections = 16;

async function measure(options: Options): Promise<Result[]> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const needsPostgres = options.chosen.some(({ shape }) => shape.postgres === true);
  const postgres = needsPostgres && findPostgres() !== null ? await startPostgres() : null;
  if (postgres !== null) stack.defer(() => postgres.stop());

  const keep = (started: Case): Case => {
    stack.defer(() => started.service.stop());
    return started;
  };
  const signed = keep(await startFloor('signed', 'floor A: bare node:http, one ES256 signature', folder));
  const cases = [keep(await startFloor('constant', 'floor B: bare node:http, a constant', folder))];
  for (const { name, shape } of options.chosen) {
    if (shape.postgres === true && postgres === null) console.error(`left out: ${shape.what} (Debian: postgresql)`);
    else cases.push(keep(await startCase(name, shape, folder, postgres)));
  }
  const results: Result[] = [];
  for (const one of [signed, ...cases]) {
    console.error(`${one.what} ...`);
    results.push(await measureCase(one, signed, options));
  }
  return results;
}

/** Medians over the rounds. */
async function measureCase(one: Case, signed: Case, { seconds, rounds }: Options): Promise<Result> {
  const { name, what, service, load } = one;
  await warmUp(load);
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const beside = await runLoad({ ...signed.load, connections, seconds });
    const before = service.processorTime();
    const own = await runLoad({ ...load, connections, seconds });
    const processor = ((service.processorTime() - before) / own.requests) * 1e6;
    measured.push({ ...own, ratio: own.rate / beside.rate, processor });
  }
  const middle = (field: keyof Round) => median(measured.map((round) => round[field]));
  const halfP99 = await halfLoad(load, middle('rate'), seconds);
  return {
    name,
    what,
    rate: middle('rate'),
    ratio: middle('ratio'),
    processor: middle('processor'),
    p50: middle('p50'),
    p99: middle('p99'),
    halfP99,
    peakMemory: service.peakMemory(),
    startup: service.startup,
  };
}

/** Until the code is compiled, which takes a number of requests and no time: on a busy machine, 20 seconds at most. */
async function warmUp(load: Case['load']): Promise<void> {
  const enough = 30_000;
  for (let [requests, seconds] = [0, 0]; requests < enough && seconds < 20; seconds += 2) {
    requests += (await runLoad({ ...load, connections, seconds: 2 })).requests;
  }
}

/** Each connection asks every 10 ms: as many as it takes for half of `rate`. */
async function halfLoad(load: Case['load'], rate: number, seconds: number): Promise<number> {
  const delay = 10;
  const { p99 } = await runLoad({
    ...load,
    connections: Math.max(1, Math.round((rate / 2) * (delay / 1000))),
    delay,
    seconds,
  });
  return p99;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

function toTable(results: readonly Result[]): string {
  const header = [
    'case',
    'requests/s',
    'ratio to A',
    'CPU µs a request',
    'p50 ms',
    'p99 ms',
    'p99 ms at half load',
    'peak RSS MB',
    'start to first answer ms',
  ];
  const rows = results.map((result) => [
    result.what,
    result.rate.toFixed(0),
    result.ratio.toFixed(2),
    result.processor.toFixed(0),
    result.p50.toFixed(2),
    result.p99.toFixed(2),
    result.halfP99.toFixed(2),
    result.peakMemory.toFixed(0),
    result.startup.toFixed(0),
  ]);
  const lines = [header, header.map((_, index) => (index === 0 ? '---' : '---:')), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

async function run(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    console.log(usage);
    return 0;
  }
  if (findProgram('wrk') === null) throw new UsageError('The bench needs wrk. As root: apt-get install wrk');
  const results = await measure(options);
  const [processor] = cpus();
  console.log(
    `${processor?.model.trim()}, ${cpus().length} processors, Node ${process.versions.node}; ${options.rounds} runs of ${options.seconds} s, ${connections} connections\n`,
  );
  console.log(toTable(results));
  console.log(`\n${compareWithGoals(results).join('\n')}`);
  if (options.json !== '') await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
  return 0;
}

try {
  process.exitCode = await run();
} catch (error) {
  const expected = error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  console.error(expected ? (error as Error).message : error);
  process.exitCode = expected ? 2 : 1;
}
