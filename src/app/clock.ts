/** Owns the comparison of this machine's clock with the database's: replicas whose clocks differ make tokens that registries refuse. */
import type { Log } from '../lib/log.ts';
import type { Store } from '../store/store.ts';

export type ClockWatch = {
  /** Never fails: a database that is away says so elsewhere. */
  look(): Promise<void>;
  warnings(): readonly string[];
};

/** Seconds. Registries allow 60 (distribution, registry/auth/token, Leeway), and the registry's clock can be off as well. */
const allowed = 20;

/** @param now epoch milliseconds */
export function createClockWatch(store: Pick<Store, 'check'>, log: Pick<Log, 'warn'>, now: () => number): ClockWatch {
  let warning: string | null = null;
  return {
    async look() {
      const before = now();
      const at = await store.check().catch(() => null);
      if (at === null) return;
      const after = now();
      // The database read its clock at some moment in between.
      const seconds = Math.round((at > after ? at - after : at < before ? at - before : 0) / 1000);
      const known = warning;
      warning = Math.abs(seconds) < allowed ? null : describe(seconds);
      if (warning !== null && known === null) log.warn({ seconds }, warning);
    },
    warnings: () => (warning === null ? [] : [warning]),
  };
}

function describe(seconds: number): string {
  const difference = `${Math.abs(seconds)} seconds ${seconds > 0 ? 'behind' : 'ahead of'}`;
  return `the clock of this machine is ${difference} the database's: registries refuse tokens that are a minute off. Use NTP on both`;
}
