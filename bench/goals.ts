/** Owns the goals that the bench's figures are compared with (docs/performance.md). */

/** Of one case; its fields are those of the bench's table. */
type Figures = {
  readonly name: string;
  readonly what: string;
  /** To floor A. */
  readonly ratio: number;
  /** Microseconds of processor time for a request. */
  readonly processor: number;
  /** MB. */
  readonly peakMemory: number;
  /** Milliseconds. */
  readonly startup: number;
};

/** The least ratio to floor A. */
const ratios: Readonly<Record<string, number>> = { password: 1.2, anonymous: 1.2, distinct: 0.75, postgres: 0.6 };
/** The most processor time, in times that of floor A. */
const processorLimits: Readonly<Record<string, number>> = { workload: 2 };
/** A case that grew -> the small one; it can take `growthLimit` times its processor time. */
const smallOnes: Readonly<Record<string, string>> = {
  crowd: 'small',
  rules: 'small',
  'rules-distinct': 'small-distinct',
};
const growthLimit = 1.3;
const memoryLimit = 120;
/** Several processes, or a server that isn't ours. */
const withoutMemoryLimit = ['workers', 'signed', 'constant'];
const startLimit = 400;
/** On a slow machine: so many times the start of floor A. */
const startFactor = 1.5;

/** One line for each goal: "met: app password, SQLite: 1.40 of floor A, at least 1.2". */
export function compareWithGoals(results: readonly Figures[]): string[] {
  const floor = results.find(({ name }) => name === 'signed');
  const own = results.filter(({ name }) => name !== 'signed' && name !== 'constant');
  return own.flatMap((result) => [
    ...ratioGoal(result),
    ...processorGoal(result, floor),
    ...growthGoal(result, results),
    ...(withoutMemoryLimit.includes(result.name)
      ? []
      : [line(result.peakMemory <= memoryLimit, result, `${result.peakMemory.toFixed(0)} MB, at most ${memoryLimit}`)]),
    ...startGoal(result, floor),
  ]);
}

function ratioGoal(result: Figures): string[] {
  const least = ratios[result.name];
  if (least === undefined) return [];
  return [line(result.ratio >= least, result, `${result.ratio.toFixed(2)} of floor A, at least ${least}`)];
}

function processorGoal(result: Figures, floor: Figures | undefined): string[] {
  const most = processorLimits[result.name];
  if (most === undefined || floor === undefined) return [];
  const times = result.processor / floor.processor;
  return [line(times <= most, result, `${times.toFixed(2)} times the processor time of floor A, at most ${most}`)];
}

function growthGoal(result: Figures, results: readonly Figures[]): string[] {
  const small = results.find(({ name }) => name === smallOnes[result.name]);
  if (small === undefined) return [];
  const times = result.processor / small.processor;
  return [line(times <= growthLimit, result, `${times.toFixed(2)} times the small case, at most ${growthLimit}`)];
}

function startGoal(result: Figures, floor: Figures | undefined): string[] {
  const limit = Math.max(startLimit, startFactor * (floor?.startup ?? 0));
  const met = result.startup <= limit;
  return [line(met, result, `${result.startup.toFixed(0)} ms to the first token, at most ${limit.toFixed(0)}`)];
}

function line(met: boolean, { what }: Figures, words: string): string {
  return `${met ? 'met' : 'NOT MET'}: ${what}: ${words}`;
}
