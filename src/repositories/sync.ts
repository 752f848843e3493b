/**
 * Owns reading a registry's catalog and tags: events begin late and can get lost. Removes a tag or a repository only after
 * what it's missing from was read to its end without an error, never what was pushed since the sync began, and never history.
 */
import { randomBytes } from 'node:crypto';
import type { Actor, Audit } from '../audit/audit.ts';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { day, minute } from '../lib/time.ts';
import type { Store } from '../store/store.ts';
import type { Registry } from './registry.ts';
import { readRepository } from './sync-repository.ts';

export type SyncProgress = {
  readonly service: string;
  /** Repositories of the catalog, and how many of them have been read. */
  readonly total: number;
  readonly repositories: number;
  readonly tags: number;
  /** Tags and repositories that were removed here because the registry doesn't have them any more. */
  readonly removed: number;
  /** Repositories that couldn't be read: what is known of them stays. */
  readonly unknown: number;
};

export type SyncReport = SyncProgress & {
  /** Whether it continued one that was interrupted. */
  readonly isResumed: boolean;
  /** Whether everything was read; repositories are removed only then. */
  readonly isComplete: boolean;
  /** Why a repository couldn't be read, the last of them. */
  readonly problem: string | null;
};

export type SyncParts = {
  readonly store: Pick<Store, 'leases' | 'repositories' | 'repositoryTags' | 'repositorySyncs' | 'registryEvents'>;
  readonly registry: Registry;
  readonly service: string;
  readonly audit: Audit;
  readonly by: Actor;
  readonly onProgress?: (progress: SyncProgress) => void;
  /** Ends it early; the next one continues. */
  readonly signal?: AbortSignal;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds: longer than one repository takes, short enough that a crash delays no one for long. */
const leaseLength = 5 * minute;
/** How often progress is stored. */
const noteInterval = 1_000;
/** An interrupted sync that is older begins again. */
const resumable = day;
/** So many repositories in a row that can't be read: the registry is away. */
const maximumFailures = 10;
const maximumNames = 1_000_000;
const pageSize = 1_000;

/**
 * Reads everything of a service.
 * @throws {Refusal} `conflict` while another one runs, on any replica; `bad_gateway` where the registry can't be read: the next one
 *   continues there
 */
export async function syncRepositories(parts: SyncParts): Promise<SyncReport> {
  const { store, service, now } = parts;
  const holder = randomBytes(8).toString('hex');
  const lease = `repository-sync:${service}`;
  const takeLease = (): Promise<boolean> => store.leases.take(lease, holder, now(), now() + leaseLength);
  if (!(await takeLease())) {
    throw new Refusal(
      'conflict',
      `Another sync of ${service} is running. Wait until it has ended; if it was killed, five minutes at most.`,
    );
  }
  try {
    return await sync(parts, createHold(parts, takeLease));
  } finally {
    // It ends by itself. How the sync ended is what counts.
    await store.leases.release(lease, holder).catch(() => {});
  }
}

/** Called before each request: throws where the sync is to end, and keeps the lease, which costs a statement a second. */
type Hold = () => Promise<void>;

function createHold({ signal, now }: SyncParts, takeLease: () => Promise<boolean>): Hold {
  let keptAt = now();
  return async () => {
    signal?.throwIfAborted();
    if (Math.abs(now() - keptAt) < noteInterval) return;
    keptAt = now();
    if (!(await takeLease())) throw new Refusal('conflict', 'Another sync has begun. Wait until it has ended.');
  };
}

type Run = { began: number; after: string; total: number; problem: string | null } & Omit<
  SyncReport,
  'total' | 'problem' | 'isComplete'
> & {
    repositories: number;
    tags: number;
    removed: number;
    unknown: number;
  };

async function sync(parts: SyncParts, hold: Hold): Promise<SyncReport> {
  const { store, service, audit, by, now } = parts;
  const run = await begin(parts);
  const { isResumed } = run;
  await audit.write({ action: 'repository.sync', ...by, subject: service, detail: { begins: true, isResumed } });
  try {
    const names = await readCatalog(parts.registry, hold);
    run.total = names.length;
    await readAll(parts, run, names, hold);
    const isComplete = run.unknown === 0;
    if (isComplete) await removeGone(parts, run, new Set(names), hold);
    await store.repositorySyncs.note(service, run, now(), { complete: isComplete });
    return await report(parts, run, isComplete);
  } catch (error) {
    run.problem = errorMessage(error);
    // Why it failed counts, also where that can't be stored.
    await Promise.allSettled([store.repositorySyncs.note(service, run, now()), report(parts, run, false)]);
    throw error;
  }
}

async function begin({ store, service, now }: SyncParts): Promise<Run> {
  const at = now();
  const last = await store.repositorySyncs.ofService(service);
  const isResumed = last !== undefined && last.finished_at === null && at - last.began_at < resumable;
  if (isResumed) {
    const { began_at: began, after, repositories, tags, removed, unknown } = last;
    return { service, began, after, repositories, tags, removed, unknown, total: 0, problem: last.problem, isResumed };
  }
  await store.repositorySyncs.begin(service, at);
  const counts = { repositories: 0, tags: 0, removed: 0, unknown: 0, total: 0 };
  return { service, began: at, after: '', ...counts, problem: null, isResumed };
}

async function report({ audit, by }: SyncParts, run: Run, isComplete: boolean): Promise<SyncReport> {
  const { began: _, after: __, ...result } = run;
  const { service: subject, problem, repositories, tags, removed, unknown } = result;
  const detail = { ends: true, isComplete, repositories, tags, removed, unknown, ...(problem !== null && { problem }) };
  await audit.write({ action: 'repository.sync', ...by, subject, detail });
  return { ...result, isComplete };
}

/** All names, in the order of their bytes: registries list them in an order of their own. */
async function readCatalog(registry: Registry, hold: Hold): Promise<string[]> {
  const names = new Set<string>();
  for (let after: string | null = ''; after !== null; ) {
    await hold();
    const page = await registry.catalog(after);
    const before = names.size;
    for (const name of page.names) names.add(name);
    after = page.next;
    if (after !== null && names.size === before) throw new Refusal('bad_gateway', "The catalog's pages repeat.");
    if (names.size > maximumNames) throw new Refusal('bad_gateway', `The catalog has more than ${maximumNames} names.`);
  }
  return [...names].sort();
}

async function readAll(parts: SyncParts, run: Run, names: readonly string[], hold: Hold) {
  let failures = 0;
  let notedAt = parts.now();
  for (const name of names) {
    if (name <= run.after) continue;
    await hold();
    try {
      const { tags, removed } = await readRepository(parts, name, run.began);
      run.tags += tags;
      run.removed += removed;
      failures = 0;
    } catch (error) {
      if (!(error instanceof Refusal && error.code === 'bad_gateway')) throw error;
      run.unknown += 1;
      run.problem = error.message;
      failures += 1;
      if (failures === maximumFailures) throw error;
    }
    run.repositories += 1;
    run.after = name;
    parts.onProgress?.(run);
    if (Math.abs(parts.now() - notedAt) < noteInterval) continue;
    notedAt = parts.now();
    await parts.store.repositorySyncs.note(parts.service, run, notedAt);
  }
}

/** What isn't in the catalog, and has no tags when asked for them. */
async function removeGone(
  { store, service, registry }: SyncParts,
  run: Run,
  names: ReadonlySet<string>,
  hold: Hold,
): Promise<void> {
  for (let last: string | undefined = ''; last !== undefined; ) {
    const page = await store.repositories.after(service, last, pageSize, true);
    for (const { name } of page) {
      if (names.has(name)) continue;
      await hold();
      if ((await registry.tags(name)).length > 0) continue;
      if (await store.repositorySyncs.removeRepository(service, name, run.began)) run.removed += 1;
    }
    await hold();
    last = page.at(-1)?.name;
  }
}
