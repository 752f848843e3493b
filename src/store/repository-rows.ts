/** Owns the row types of what registries report, and how a row says who it was. */

/** `unknown`: the registry didn't say, or no account had the name when the event came. `deleted`: the account is gone. */
export type ActorKind = 'person' | 'robot' | 'static' | 'workload' | 'anonymous' | 'unknown' | 'deleted';

/** Who did it. `login` is null for `anonymous`, `unknown` and `deleted`; `account_id` for all but people and robots. */
export type Who = {
  readonly actor_kind: ActorKind;
  readonly actor_login: string | null;
  readonly actor_account_id: string | null;
};

/** What a list of all repositories needs of one: no joins, so that 100,000 of them are read in slices quickly. */
export type RepositoryNameRow = {
  readonly name: string;
  /** Epoch milliseconds, as all times here; null: none was reported. */
  readonly pushed_at: number | null;
  /** Bytes of the distinct layers and configs; null: unknown. */
  readonly size: number | null;
  readonly tags: number;
  /** Of the last 30 days. */
  readonly recent_pulls: number;
};

/** With who pushed last. */
export type RepositoryRow = RepositoryNameRow &
  Who & {
    readonly service: string;
    readonly pulled_at: number | null;
    /** When Dockpass first heard of it: what came before is unknown. */
    readonly first_seen_at: number;
    /** When a sync last read all its tags; null: never, and the size counts only what was pushed since `first_seen_at`. */
    readonly synced_at: number | null;
  };

/** With who pushed it; `pushed_at` null: a sync found it, and no one knows who pushed it when. */
export type TagRow = Who & {
  readonly tag: string;
  readonly digest: string;
  readonly pushed_at: number | null;
  /** Bytes of layers and config; null: unknown, or an index. */
  readonly size: number | null;
  readonly media_type: string | null;
};

/** `day`: days since 1970-01-01, UTC. */
export type DayRow = { readonly day: number; readonly action: RegistryAction; readonly count: number };
export type ActorCountRow = Who & { readonly action: RegistryAction; readonly count: number };
/** What one account did at one repository. */
export type AccountActivityRow = {
  readonly service: string;
  readonly repository: string;
  readonly action: RegistryAction;
  readonly count: number;
  readonly last_day: number;
};

export type RegistryAction = 'pull' | 'push' | 'delete';

/** The columns of `Who`, of the table `a` (repository_actor, joined by `joinWho`) and `c` (account). */
export const whoColumns = `
  coalesce(case when a.kind = 'account' then coalesce(c.kind, 'deleted') else a.kind end, 'unknown') as actor_kind,
  case when a.kind = 'anonymous' then null else coalesce(c.login, a.name) end as actor_login, c.id as actor_account_id`;

/** @param column that holds the id of an actor */
export function joinWho(column: string): string {
  return `left join repository_actor a on a.id = ${column} left join account c on c.id = a.account_id`;
}
