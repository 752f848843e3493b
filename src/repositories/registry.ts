/**
 * Owns what Dockpass asks a registry by itself: its catalog, tags and manifests, and their deletion. Each request carries a
 * token of a minute for exactly what is asked, in the name of `dockpass`, and goes to the configured address alone.
 */
import type { Signer } from '../keys/signature.ts';
import { errorMessage } from '../lib/errors.ts';
import { fieldsIn, isTexts } from '../lib/json.ts';
import type { Access } from '../scope.ts';
import { mint } from '../token/mint.ts';
import { type Manifest, manifestTypes, parseManifest } from './manifest.ts';
import { isDigest, isRepositoryName, isTag } from './names.ts';
import { type AskRegistry, type RegistryQuestion, type RegistryReply, unreadable } from './registry-request.ts';

/** The subject of Dockpass's own tokens: what it reads never counts as anyone's pull. */
export const ownSubject = 'dockpass';

/** What a page, a sync or a deletion asks. Everything throws a `Refusal` `bad_gateway` where the registry can't be read. */
export type Registry = {
  /** One page of the catalog: what is no name of a repository is left out. @param after the last name that was read, '' for the beginning */
  catalog(after: string): Promise<CatalogPage>;
  /** All tags, without what can't be the name of one; empty where it doesn't know the repository (404) or has none (`null`). */
  tags(repository: string): Promise<string[]>;
  /** What a tag or digest names now; `null`: it isn't there. Doesn't count as a pull. */
  resolve(repository: string, reference: string): Promise<Resolved | null>;
  /** The manifest itself; `null`: it isn't there. */
  manifest(repository: string, reference: string): Promise<ReadManifest | null>;
  /** Deletes the manifest with all its tags. */
  deleteManifest(repository: string, digest: string): Promise<Deleted>;
  /** Deletes a tag alone, which 3.x can; 2.8 says `unsupported`. */
  deleteTag(repository: string, tag: string): Promise<Deleted>;
};

export type CatalogPage = {
  readonly names: readonly string[] /** `null`: this is the last page. */;
  readonly next: string | null;
};

/** `at`: by the registry's clock, epoch milliseconds, at most ours. */
export type Resolved = { readonly digest: string; readonly mediaType: string; readonly at: number };
export type ReadManifest = Manifest & { readonly at: number };

/** `disabled`: the registry's `storage.delete.enabled` isn't true, or it only reads; `unsupported`: it can't delete a tag alone. */
export type Deleted = 'deleted' | 'absent' | 'disabled' | 'unsupported';

export type RegistryParts = {
  /** SERVICE_<NAME>_URL. */
  readonly url: URL;
  readonly ask: AskRegistry;
  /** The token's `aud` and `iss`. */
  readonly service: string;
  readonly issuer: string;
  readonly signer: () => Signer;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Seconds: the shortest life that clients and registries take. */
const lifetime = 60;
/** 3.x takes no more (catalog.maxentries), 2.8 neither. */
const pageSize = 1_000;
/** Bytes. A 2.8 sends all tags of a repository in one answer. */
const limits = { catalog: 4 << 20, tags: 32 << 20, manifest: 4 << 20, other: 64 << 10 };
/** Of one repository: pages without an end would fill the memory. */
const maximumTags = 1_000_000;

export function createRegistry(parts: RegistryParts): Registry {
  const base = parts.url.href.replace(/\/*$/, '/');
  const ask = async (
    path: string,
    access: Access,
    question: Partial<RegistryQuestion> = {},
  ): Promise<RegistryReply> => {
    const service = { name: parts.service, issuer: parts.issuer, lifetime };
    const { jwt } = await mint(parts.signer(), service, { account: ownSubject, access: [access] }, parts.now());
    const url = new URL(`v2/${path}`, base);
    const reply = await parts.ask(url, {
      method: 'GET',
      maximum: limits.other,
      ...question,
      headers: { ...question.headers, authorization: `Bearer ${jwt}` },
    });
    return reply;
  };
  const failed = (path: string, { status }: RegistryReply) =>
    unreadable(new URL(`v2/${path}`, base), `it answers ${status}${hints[status] ?? ''}`);
  const fieldsOf = (path: string, { body }: RegistryReply) => {
    try {
      return fieldsIn(JSON.parse(body.toString('utf8')));
    } catch (cause) {
      throw unreadable(new URL(`v2/${path}`, base), 'the answer is not JSON', cause);
    }
  };
  const onRepository = (name: string, ...actions: string[]): Access => {
    if (!isRepositoryName(name)) throw new TypeError(`not the name of a repository: ${JSON.stringify(name)}`);
    return { type: 'repository', name, actions };
  };
  const clockOf = ({ headers }: RegistryReply): number => {
    const date = Date.parse(headers.date ?? '');
    return Number.isNaN(date) ? parts.now() : Math.min(date, parts.now());
  };
  /** `null`: not there. */
  const askManifest = async (method: 'GET' | 'HEAD', repository: string, reference: string) => {
    const path = manifestPath(repository, reference);
    const headers = { accept: manifestTypes.join(', ') };
    const reply = await ask(path, onRepository(repository, 'pull'), { method, headers, maximum: limits.manifest });
    if (reply.status === 404) return null;
    if (reply.status !== 200) throw failed(path, reply);
    return reply;
  };
  const remove = async (repository: string, reference: string): Promise<Deleted> => {
    const path = manifestPath(repository, reference);
    const reply = await ask(path, onRepository(repository, 'delete'), { method: 'DELETE' });
    if (reply.status === 202) return 'deleted';
    if (reply.status === 404) return 'absent';
    if (reply.status === 405) return 'disabled';
    if (reply.status === 400 && isTag(reference)) return 'unsupported';
    throw failed(path, reply);
  };

  return {
    async catalog(after) {
      const access = { type: 'registry', name: 'catalog', actions: ['*'] };
      const path = (size: string) => `_catalog?${size}${after === '' ? '' : `last=${encodeURIComponent(after)}`}`;
      let reply = await ask(path(`n=${pageSize}&`), access, { maximum: limits.catalog });
      // catalog.maxentries of a 3.x can be lower; its own default never is too high.
      if (reply.status === 400) reply = await ask(path(''), access, { maximum: limits.catalog });
      if (reply.status !== 200) throw failed('_catalog', reply);
      const place = new URL('v2/_catalog', base);
      const names = textsIn(fieldsOf('_catalog', reply)['repositories']);
      if (names === null) throw unreadable(place, 'the answer has no list of repositories');
      return { names: names.filter(isRepositoryName), next: lastIn(reply, names, place) };
    },
    async tags(repository) {
      const access = onRepository(repository, 'pull');
      const all = new Set<string>();
      for (let last: string | null = ''; last !== null; ) {
        const path: string = `${repository}/tags/list?n=${pageSize}${last === '' ? '' : `&last=${encodeURIComponent(last)}`}`;
        const reply: RegistryReply = await ask(path, access, { maximum: limits.tags });
        if (reply.status === 404 && all.size === 0) return [];
        if (reply.status !== 200) throw failed(path, reply);
        const page = fieldsOf(path, reply)['tags'];
        const place = new URL(`v2/${path}`, base);
        const names: readonly string[] | null = page === null ? [] : textsIn(page);
        if (names === null) throw unreadable(place, 'the answer has no list of tags');
        const before = all.size;
        for (const name of names.filter(isTag)) all.add(name);
        last = lastIn(reply, names, place);
        if (last !== null && all.size === before) throw unreadable(place, 'its pages repeat');
        if (all.size > maximumTags) throw unreadable(place, `it has more than ${maximumTags} tags`);
      }
      return [...all];
    },
    async resolve(repository, reference) {
      const reply = await askManifest('HEAD', repository, reference);
      if (reply === null) return null;
      const digest = reply.headers['docker-content-digest'];
      if (typeof digest !== 'string' || !isDigest(digest)) {
        throw unreadable(new URL(`v2/${manifestPath(repository, reference)}`, base), 'the answer names no digest');
      }
      return { digest, mediaType: mediaTypeOf(reply), at: clockOf(reply) };
    },
    async manifest(repository, reference) {
      const reply = await askManifest('GET', repository, reference);
      if (reply === null) return null;
      try {
        return { ...parseManifest(reply.body, mediaTypeOf(reply)), at: clockOf(reply) };
      } catch (cause) {
        const place = new URL(`v2/${manifestPath(repository, reference)}`, base);
        throw unreadable(place, errorMessage(cause), cause);
      }
    },
    async deleteManifest(repository, digest) {
      if (!isDigest(digest)) throw new TypeError(`not a digest: ${JSON.stringify(digest)}`);
      return remove(repository, digest);
    },
    async deleteTag(repository, tag) {
      if (!isTag(tag)) throw new TypeError(`not a tag: ${JSON.stringify(tag)}`);
      return remove(repository, tag);
    },
  };
}

const hints: Readonly<Record<number, string>> = {
  401: ": it refuses Dockpass's token; `dockpass doctor` says why",
  301: ', a redirect: set SERVICE_<NAME>_URL to the address that answers',
  302: ', a redirect: set SERVICE_<NAME>_URL to the address that answers',
  307: ', a redirect: set SERVICE_<NAME>_URL to the address that answers',
  308: ', a redirect: set SERVICE_<NAME>_URL to the address that answers',
  429: ': it is asked too often',
};

function manifestPath(repository: string, reference: string): string {
  if (!isTag(reference) && !isDigest(reference)) throw new TypeError(`no reference: ${JSON.stringify(reference)}`);
  return `${repository}/manifests/${reference}`;
}

function mediaTypeOf({ headers }: RegistryReply): string {
  return (headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
}

function textsIn(value: unknown): readonly string[] | null {
  return isTexts(value) ? value : null;
}

/**
 * Where the next page begins; `null`: this is the last one. Of the link only its `last` counts: its address could be anyone's.
 * @throws {Refusal} `bad_gateway` where there is a next page and no telling where it begins
 */
function lastIn({ headers }: RegistryReply, names: readonly string[], place: URL): string | null {
  const link = [headers['link'] ?? ''].flat().join(', ');
  const [, target] = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(link) ?? [];
  if (target === undefined) return null;
  const last = URL.parse(target, 'http://registry')?.searchParams.get('last') || names.at(-1);
  if (last === undefined || last === '') throw unreadable(place, "it doesn't say where the next page begins");
  return last;
}
