/** Owns the statements of a sync: how far it is, and how what is gone from a registry goes from here. */
import type { Sql, Steps } from './sql.ts';

/** A row of `repository_sync`; the columns are explained in migrations/0030_repositories.sql. */
export type SyncRow = {
  readonly service: string;
  readonly began_at: number;
  readonly after: string;
  readonly repositories: number;
  readonly tags: number;
  readonly removed: number;
  readonly unknown: number;
  readonly problem: string | null;
  readonly changed_at: number;
  readonly finished_at: number | null;
  readonly completed_at: number | null;
};

export type SyncProgress = Pick<SyncRow, 'after' | 'repositories' | 'tags' | 'removed' | 'unknown' | 'problem'>;

export type RepositorySyncStore = {
  ofService(service: string): Promise<SyncRow | undefined>;
  /** Begins a new one; what the last one counted is forgotten, and when one last completed stays. */
  begin(service: string, at: number): Promise<void>;
  /** @param finished whether it has read everything; `complete`: and all of it without an error */
  note(service: string, progress: SyncProgress, at: number, finished?: { readonly complete: boolean }): Promise<void>;
  /** Notes that all tags of a repository were read without an error. */
  noteRead(service: string, repository: string, at: number): Promise<void>;
  /**
   * Removes tags that the registry doesn't have any more, but none that was pushed since `began`, by our clock or the
   * registry's; @returns how many
   */
  removeTags(service: string, repository: string, tags: readonly string[], began: number, now: number): Promise<number>;
  /**
   * Removes a repository that isn't in the catalog any more with all its tags, unless something came of it since `began`.
   * Its counters stay: they are its history.
   */
  removeRepository(service: string, repository: string, began: number): Promise<boolean>;
};

const begin = `
  insert into repository_sync (service, began_at, after, repositories, tags, removed, unknown, changed_at)
  values ($1, $2, '', 0, 0, 0, 0, $2)
  on conflict (service) do update set began_at = $2, after = '', repositories = 0, tags = 0, removed = 0, unknown = 0,
    problem = null, changed_at = $2, finished_at = null`;
const note = `
  update repository_sync set after = $2, repositories = $3, tags = $4, removed = $5, unknown = $6, problem = $7,
    changed_at = $8, finished_at = $9, completed_at = coalesce($10, completed_at)
  where service = $1`;
const noteRead = 'update repository set synced_at = $3 where service = $1 and name = $2';
const lock = 'update repository set heard_at = heard_at where service = $1 and name = $2';
/**
 * `at` is the registry's time, which we don't know here: the next push of the tag counts whatever the clocks say, and the one
 * that was known doesn't when its event comes again.
 */
const removeTag = `
  update repository_tag set digest = null, at = at + 1, heard_at = $5
  where service = $1 and repository = $2 and tag = $3 and digest is not null and heard_at < $4 and at < $4`;
const countTags = 'update repository set tags = tags - $3 where service = $1 and name = $2';
const removeRepository = `
  delete from repository where service = $1 and name = $2 and heard_at < $3
    and coalesce(pushed_at, 0) < $3 and coalesce(pulled_at, 0) < $3`;
const removals = ['repository_tag', 'repository_manifest', 'repository_child', 'repository_layer'].map(
  (table) => `delete from ${table} where service = $1 and repository = $2`,
);

export function createRepositorySyncStore(sql: Sql): RepositorySyncStore {
  return {
    ofService: (service) => sql.get<SyncRow>('select * from repository_sync where service = $1', [service]),
    async begin(service, at) {
      await sql.run(begin, [service, at]);
    },
    async note(service, { after, repositories, tags, removed, unknown, problem }, at, finished) {
      const ends = [finished === undefined ? null : at, finished?.complete === true ? at : null];
      await sql.run(note, [service, after, repositories, tags, removed, unknown, problem, at, ...ends]);
    },
    async noteRead(service, repository, at) {
      await sql.run(noteRead, [service, repository, at]);
    },
    removeTags: (service, repository, tags, began, now) =>
      sql.atomic(function* (): Steps<number> {
        yield { text: lock, values: [service, repository] };
        let removed = 0;
        for (const tag of tags) removed += yield { text: removeTag, values: [service, repository, tag, began, now] };
        if (removed > 0) yield { text: countTags, values: [service, repository, removed] };
        return removed;
      }),
    removeRepository: (service, repository, began) =>
      sql.atomic(function* (): Steps<boolean> {
        if ((yield { text: removeRepository, values: [service, repository, began] }) === 0) return false;
        for (const text of removals) yield { text, values: [service, repository] };
        return true;
      }),
  };
}
