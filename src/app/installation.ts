/** Owns whether this process serves the installation or tries a copy of it, and who else serves the same database. */
import { randomBytes } from 'node:crypto';
import type { Audit } from '../audit/audit.ts';
import { Refusal } from '../lib/errors.ts';
import { hasEnded, processName } from '../lib/is-running.ts';
import type { Log } from '../lib/log.ts';
import { minute } from '../lib/time.ts';
import { serveLease, serveLeaseOf } from '../store/leases.ts';
import type { Store } from '../store/store.ts';
import { findLiveTwin } from './live-twin.ts';

/** `trial`: as a copy, whatever the database says; `restore`: the copy becomes what is served. */
export type ServeMode = 'usual' | 'trial' | 'restore';

/** Why this is a trial, and how to end it; `null` where the installation is served. */
export type Trial = { readonly reason: string } | null;

type TrialParts = {
  readonly store: Pick<Store, 'installation' | 'leases'>;
  readonly audit: Audit;
  readonly log: Pick<Log, 'debug'>;
  /** With the prefix. */
  readonly publicUrl: string;
  /** `null` for a command, which leaves an empty database empty. */
  readonly mode: ServeMode | null;
};

const howToEnd = 'To serve it instead, stop the service that it is a copy of, and start this one with --restore';

/**
 * A trial asks no provider, sends nothing, writes no file that registries read, and its tokens are worth nothing to them:
 * the people of the copy are those of the live service, and so are its refresh tokens and keys.
 */
export async function openTrial(parts: TrialParts): Promise<Trial> {
  const { store, audit, mode, publicUrl } = parts;
  const event = { action: 'installation.restore', actor: 'command line', client: null, subject: '' } as const;
  if (mode === 'restore') await audit.commit(event, (row) => store.installation.restore(row));
  if (mode !== null) await store.installation.create(randomBytes(9).toString('hex'));
  const { copied_at: copiedAt = null, public_url: servedAt = null } = (await store.installation.read()) ?? {};
  if (copiedAt !== null) {
    const time = new Date(copiedAt).toISOString();
    return { reason: `This database is a backup or a copy of ${time}, so this is a trial. ${howToEnd}.` };
  }
  if (mode === 'trial') return { reason: `This is a trial, as --trial says. ${howToEnd}.` };
  if (mode === 'usual') {
    const twin = await markWhereCopied(parts, servedAt);
    if (twin !== null)
      return {
        reason: `This database is a copy of the one that is served at ${twin}, so this is a trial. ${howToEnd}.`,
      };
  }
  if (mode !== null) await store.installation.noteUrl(publicUrl);
  return null;
}

/** A copy that was made by other means than `dockpass backup` gets its mark now, for commands and later starts. */
async function markWhereCopied(
  { store, audit, log, publicUrl }: TrialParts,
  servedAt: string | null,
): Promise<string | null> {
  const urls = servedAt === null ? [publicUrl] : [publicUrl, servedAt];
  const twin = await findLiveTwin({ store, log, now: Date.now }, urls);
  if (twin === null) return null;
  const detail = { servedAt: twin };
  const event = { action: 'installation.copy', actor: '', client: null, subject: '', detail } as const;
  await audit.commit(event, (row) => store.installation.markCopied(Date.now(), row));
  return twin;
}

/** @throws {Refusal} `conflict` for what asks a provider, where this is a trial */
export function refuseInTrial(trial: Trial): void {
  if (trial !== null) throw new Refusal('conflict', `${trial.reason} A trial asks no provider about anyone.`);
}

export type Presence = {
  /** Who else serves the database, as long as they do. */
  warnings(): readonly string[];
  look(): Promise<void>;
  /** Shows the next start that no process serves it. */
  leave(): Promise<void>;
};

/** Milliseconds. */
const leaseLength = 3 * minute;

export type PresenceParts = {
  readonly store: Pick<Store, 'leases' | 'engine'>;
  readonly log: Pick<Log, 'warn'>;
  /** Of the process, or of the one that looks after the workers. */
  readonly pid: number;
  readonly now: () => number;
};

/**
 * A second service on the same SQLite file is a mistake: the clock of off-boarding runs twice, and the files that registries
 * read are written by both. Replicas share a PostgreSQL database by design. Must be asked twice a minute.
 */
export function createPresence({ store, log, pid, now }: PresenceParts): Presence {
  const own = processName(pid);
  let other: string | null = null;
  return {
    warnings: () => (other === null ? [] : [describe(other)]),
    async look() {
      if (store.engine === 'sqlite') {
        const holders = await holdersOf(store, now()).catch(() => []);
        const found = holders.find((holder) => holder !== own) ?? null;
        if (found !== null && found !== other) log.warn({ other: found }, describe(found));
        other = found;
      }
      await store.leases.put(serveLeaseOf(own), own, now() + leaseLength).catch(() => {});
    },
    leave: () => store.leases.release(serveLeaseOf(own), own).catch(() => {}),
  };
}

/** Whether a process serves the database. One that crashed on another machine counts for three minutes more. */
export async function isServed(store: Pick<Store, 'leases'>, now: number): Promise<boolean> {
  return (await holdersOf(store, now)).length > 0;
}

async function holdersOf({ leases }: Pick<Store, 'leases'>, now: number): Promise<string[]> {
  return (await leases.holders(serveLease, now)).filter((holder) => !hasEnded(holder));
}

function describe(other: string): string {
  return `Another Dockpass serves this database: process ${other}. Stop one of them; to try a copy, start it with --trial`;
}
