/**
 * Owns what Dockpass asks a registry by itself: its catalog, tags and manifests, and their deletion. Each request carries a
 * token of a minute for exactly what is asked, in the name of `dockpass`, and goes to the configured address alone.
 */
import type { Signer } from '../keys/signature.ts';
import { errorMessage, type Refusal } from '../lib/errors.ts';
import { fieldsIn, isTexts } from '../lib/json.ts';
import type { Access } from '../scope.ts';
import { mint } from '../token/mint.ts';
import { type Manifest, manifestTypes, parseManifest } from './manifest.ts';
import { isDigest, isRepositoryName, isTag } from './names.ts';
import { atMostAhead } from './registry-clock.ts';
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
  deleteManifest(repository: string, digest: string): Promise<DeletionAnswer>;
  /** Deletes a tag alone, which 3.x can; 2.8 says `unsupported`. */
  deleteTag(repository: string, tag: string): Promise<DeletionAnswer>;
};

export type CatalogPage = {
  readonly names: readonly string[];
  /** Where the next page begins; `null`: this is the last one. */
  readonly next: string | null;
};

/** `at`: by the registry's clock, epoch milliseconds, at most ours. */
export type Resolved = { readonly digest: string; readonly mediaType: string; readonly at: number };
export type ReadManifest = Manifest & { readonly at: number };

/** `disabled`: the registry's `storage.delete.enabled` isn't true, or it only reads; `unsupported`: it can't delete a tag alone. */
export type Deleted = 'deleted' | 'absent' | 'disabled' | 'unsupported';
/** `at`: by the registry's clock, as its events are; epoch milliseconds. */
export type DeletionAnswer = { readonly outcome: Deleted; readonly at: number };

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
const maximumTags = 200_000;

export function createRegistry(parts: RegistryParts): Registry {
  const ask = createAsk(parts);
  return {
    catalog: (after) => readCatalog(ask, after),
    tags: (repository) => readTags(ask, repository),
    async resolve(repository, reference) {
      const answer = await askManifest(ask, 'HEAD', repository, reference);
      if (answer === null) return null;
      const digest = answer.headers['docker-content-digest'];
      if (typeof digest !== 'string' || !isDigest(digest)) {
        throw unreadable(answer.place, 'the answer names no digest');
      }
      return { digest, mediaType: mediaTypeOf(answer), at: clockOf(answer, parts.now()) };
    },
    async manifest(repository, reference) {
      const answer = await askManifest(ask, 'GET', repository, reference);
      if (answer === null) return null;
      try {
        return { ...parseManifest(answer.body, mediaTypeOf(answer)), at: clockOf(answer, parts.now()) };
      } catch (cause) {
        throw unreadable(answer.place, errorMessage(cause), cause);
      }
    },
    async deleteManifest(repository, digest) {
      if (!isDigest(digest)) throw new TypeError(`not a digest: ${JSON.stringify(digest)}`);
      return remove(ask, repository, digest, parts.now);
    },
    async deleteTag(repository, tag) {
      if (!isTag(tag)) throw new TypeError(`not a tag: ${JSON.stringify(tag)}`);
      return remove(ask, repository, tag, parts.now);
    },
  };
}

/** `place`: what was asked, for errors. */
type Answer = RegistryReply & { readonly place: URL };

/** One question, with a token for exactly that. @param path below `/v2/` */
type Ask = (path: string, access: Access, question?: Partial<RegistryQuestion>) => Promise<Answer>;

function createAsk(parts: RegistryParts): Ask {
  const base = parts.url.href.replace(/\/*$/, '/');
  const service = { name: parts.service, issuer: parts.issuer, lifetime };
  return async (path, access, question = {}) => {
    const { jwt } = await mint(parts.signer(), service, { account: ownSubject, access: [access] }, parts.now());
    const place = new URL(`v2/${path}`, base);
    const reply = await parts.ask(place, {
      method: 'GET',
      maximum: limits.other,
      ...question,
      headers: { ...question.headers, authorization: `Bearer ${jwt}` },
    });
    return { ...reply, place };
  };
}

async function readCatalog(ask: Ask, after: string): Promise<CatalogPage> {
  const access = { type: 'registry', name: 'catalog', actions: ['*'] };
  const path = (size: string) => `_catalog?${size}${after === '' ? '' : `last=${encodeURIComponent(after)}`}`;
  let answer = await ask(path(`n=${pageSize}&`), access, { maximum: limits.catalog });
  // catalog.maxentries of a 3.x can be lower; its own default never is too high.
  if (answer.status === 400) answer = await ask(path(''), access, { maximum: limits.catalog });
  if (answer.status !== 200) throw failed(answer);
  const names = textsIn(fieldsOf(answer)['repositories']);
  if (names === null) throw unreadable(answer.place, 'the answer has no list of repositories');
  return { names: names.filter(isRepositoryName), next: lastIn(answer, names) };
}

async function readTags(ask: Ask, repository: string): Promise<string[]> {
  const access = onRepository(repository, 'pull');
  const all = new Set<string>();
  for (let last: string | null = ''; last !== null; ) {
    const after: string = last === '' ? '' : `&last=${encodeURIComponent(last)}`;
    const answer: Answer = await ask(`${repository}/tags/list?n=${pageSize}${after}`, access, { maximum: limits.tags });
    if (answer.status === 404 && all.size === 0) return [];
    if (answer.status !== 200) throw failed(answer);
    const page = fieldsOf(answer)['tags'];
    const names: readonly string[] | null = page === null ? [] : textsIn(page);
    if (names === null) throw unreadable(answer.place, 'the answer has no list of tags');
    const before = all.size;
    for (const name of names.filter(isTag)) all.add(name);
    last = lastIn(answer, names);
    if (last !== null && all.size === before) throw unreadable(answer.place, 'its pages repeat');
    if (all.size > maximumTags) throw unreadable(answer.place, `it has more than ${maximumTags} tags`);
  }
  return [...all];
}

/** @returns `null` where it isn't there */
async function askManifest(
  ask: Ask,
  method: 'GET' | 'HEAD',
  repository: string,
  reference: string,
): Promise<Answer | null> {
  const headers = { accept: manifestTypes.join(', ') };
  const question = { method, headers, maximum: limits.manifest };
  const answer = await ask(manifestPath(repository, reference), onRepository(repository, 'pull'), question);
  if (answer.status === 404) return null;
  if (answer.status !== 200) throw failed(answer);
  return answer;
}

async function remove(ask: Ask, repository: string, reference: string, now: () => number): Promise<DeletionAnswer> {
  const access = onRepository(repository, 'delete');
  const answer = await ask(manifestPath(repository, reference), access, { method: 'DELETE' });
  return { outcome: outcomeOf(answer, reference), at: deletedAt(answer, now()) };
}

/** @throws {Refusal} */
function outcomeOf(answer: Answer, reference: string): Deleted {
  if (answer.status === 202) return 'deleted';
  if (answer.status === 404) return 'absent';
  if (answer.status === 405) return 'disabled';
  if (answer.status === 400 && isTag(reference)) return 'unsupported';
  throw failed(answer);
}

function onRepository(name: string, action: string): Access {
  if (!isRepositoryName(name)) throw new TypeError(`not the name of a repository: ${JSON.stringify(name)}`);
  return { type: 'repository', name, actions: [action] };
}

function failed({ place, status }: Answer): Refusal {
  return unreadable(place, `it answers ${status}${hints[status] ?? ''}`);
}

function fieldsOf({ place, body }: Answer): ReturnType<typeof fieldsIn> {
  try {
    return fieldsIn(JSON.parse(body.toString('utf8')));
  } catch (cause) {
    throw unreadable(place, 'the answer is not JSON', cause);
  }
}

/** By its own clock, of which the header has the whole seconds: our time, where that is the same second. */
function deletedAt({ headers }: Answer, now: number): number {
  const date = Date.parse(headers.date ?? '');
  return Number.isNaN(date) ? now : atMostAhead(Math.min(Math.max(now, date), date + 999), now);
}

/** When it answered, by its own clock. */
function clockOf({ headers }: Answer, now: number): number {
  const date = Date.parse(headers.date ?? '');
  return Number.isNaN(date) ? now : Math.min(date, now);
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
function lastIn({ headers, place }: Answer, names: readonly string[]): string | null {
  const link = [headers['link'] ?? ''].flat().join(', ');
  const [, target] = /<([^<>]*)>\s*;[^,<]*\brel="?next"?/i.exec(link) ?? [];
  if (target === undefined) return null;
  const last = URL.parse(target, 'http://registry')?.searchParams.get('last') || names.at(-1);
  if (last === undefined || last === '') throw unreadable(place, "it doesn't say where the next page begins");
  return last;
}
