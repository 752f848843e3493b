/** Owns the statements that read `repository_tag`, `repository_manifest` and `repository_child`. */
import { joinWho, type TagRow, whoColumns } from './repository-rows.ts';
import type { Sql } from './sql.ts';

export type RepositoryTagStore = {
  /** In the order of their bytes, behind `tag`; '' for the beginning. */
  after(service: string, repository: string, tag: string, limit: number): Promise<TagRow[]>;
  /** Those that were pushed last come first; of those whose push is unknown, the ones that were found last. */
  latest(
    service: string,
    repository: string,
    range: { readonly limit: number; readonly offset: number },
  ): Promise<TagRow[]>;
  byName(service: string, repository: string, tag: string): Promise<TagRow | undefined>;
  /** Digests of the indexes that hold a manifest. */
  parents(service: string, repository: string, digest: string): Promise<string[]>;
  /** Forgets at most `limit` of each, tags and manifests, that were deleted before; returns how many. */
  forgetDeleted(before: number, limit: number): Promise<number>;
};

const columns = `
  select t.tag, coalesce(t.digest, '') as digest, t.pushed_at, m.size, m.media_type, ${whoColumns}
  from repository_tag t
  left join repository_manifest m on m.service = t.service and m.repository = t.repository and m.digest = t.digest
  ${joinWho('t.pushed_by')}
  where t.service = $1 and t.repository = $2 and t.digest is not null`;
const after = `${columns} and t.tag > $3 order by t.tag limit $4`;
const latest = `${columns} order by coalesce(t.pushed_at, 0) desc, t.at desc, t.tag limit $3 offset $4`;
const byName = `${columns} and t.tag = $3`;
const parents =
  'select parent from repository_child where service = $1 and repository = $2 and child = $3 order by parent';

const forgetTags = `
  delete from repository_tag where (service, repository, tag) in (
    select service, repository, tag from repository_tag where digest is null and heard_at < $1 limit $2)`;
const forgetManifests = `
  delete from repository_manifest where (service, repository, digest) in (
    select service, repository, digest from repository_manifest
    where deleted_at > 0 and deleted_at >= pushed_at and heard_at < $1 limit $2)`;

export function createRepositoryTagStore(sql: Sql): RepositoryTagStore {
  return {
    after: (service, repository, tag, limit) => sql.all<TagRow>(after, [service, repository, tag, limit]),
    latest: (service, repository, { limit, offset }) => sql.all<TagRow>(latest, [service, repository, limit, offset]),
    byName: (service, repository, tag) => sql.get<TagRow>(byName, [service, repository, tag]),
    parents: async (service, repository, digest) =>
      (await sql.all<{ parent: string }>(parents, [service, repository, digest])).map(({ parent }) => parent),
    forgetDeleted: async (before, limit) =>
      (await sql.run(forgetTags, [before, limit])) + (await sql.run(forgetManifests, [before, limit])),
  };
}
