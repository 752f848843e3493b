/** Owns `/v2/_catalog`: the registry's list of repositories, of which everyone sees what they can pull. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { answerJson, answerRefusal } from './answer.ts';
import { type CatalogAccessParts, type CatalogService, identifyForCatalog } from './catalog-access.ts';
import { readQuery } from './parameters.ts';

export const catalogPath = '/v2/_catalog';

/** A part of the list, in byte order. */
export type CatalogQuery = {
  /** Names after this one; '' for the first page. */
  readonly after: string;
  readonly limit: number;
  /** Repositories without tags, too. */
  readonly empty: boolean;
};

export type CatalogPage = { readonly names: readonly string[]; readonly hasMore: boolean };

export type CatalogEndpointParts = CatalogAccessParts & {
  /** The registry that a request is for, by its Host. @throws {Refusal} `not_found` */
  readonly serviceOf: (request: IncomingMessage) => CatalogService & { readonly isListed: boolean };
  /** What someone can pull. */
  readonly list: (
    identity: Identity,
    context: { readonly service: string; readonly address: string },
    query: CatalogQuery,
  ) => Promise<CatalogPage>;
  /** Told of each use of a password here. It must not throw, and is not waited for. */
  readonly recordUse: (identity: Identity, client: Requester) => void;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  readonly log: Log;
  /** Where clients get a token. */
  readonly realm: string;
};

/** As many as a registry gives (distribution 3, catalog.maxentries); more are served in pages, because the UIs ask for 100,000. */
const pages = { usual: 100, longest: 1_000 };

/** Answers every request, failures included: the promise never rejects. */
export function createCatalogEndpoint(
  parts: CatalogEndpointParts,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const client = parts.requesterOf(request);
    const headers = ['X-Request-Id', client.requestId, 'Docker-Distribution-Api-Version', 'registry/2.0'];
    let service: CatalogService | null = null;
    try {
      const { isListed, ...found } = parts.serviceOf(request);
      if (!isListed) throw new Refusal('not_found', 'the repositories of this registry are not known to Dockpass');
      service = found;
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw new Refusal('method_not_allowed', 'The list of repositories can only be read.');
      }
      const query = readCatalogQuery(readQuery(request.url ?? ''));
      const identity = await identifyForCatalog(parts, request, service, client.address);
      parts.recordUse(identity, client);
      const page = await parts.list(identity, { service: service.name, address: client.address }, query);
      answerJson(response, [...headers, ...linkTo(page, query)], { repositories: page.names });
    } catch (error) {
      const refusal = toRefusal(error);
      if (refusal.status >= 500) parts.log.error({ requestId: client.requestId, err: refusal.cause }, 'no catalog');
      answerRefusal(response, headers, refusal, service && challengeOf(parts.realm, service, request));
    }
  };
}

/**
 * What a registry itself would answer, so that clients ask the realm for a token (RFC 6750 section 3; distribution,
 * spec/auth/token.md). A token that doesn't list is insufficient, which lets containers/image ask for another one.
 */
function challengeOf(realm: string, { name }: CatalogService, { headers }: IncomingMessage): string {
  const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  const error = /^bearer/i.test(headers.authorization ?? '') ? ',error="insufficient_scope"' : '';
  return `Bearer realm=${quoted(realm)},service=${quoted(name)},scope="registry:catalog:*"${error}`;
}

/** @throws {Refusal} `bad_request` for an `n` that isn't a number of names */
function readCatalogQuery(query: URLSearchParams): CatalogQuery {
  const written = query.get('n') || null;
  if (written !== null && !/^\d{1,15}$/.test(written)) {
    throw new Refusal('bad_request', 'n must be a whole number of repositories, for example n=100', { field: 'n' });
  }
  const limit = Math.min(written === null ? pages.usual : Number(written), pages.longest);
  return { after: query.get('last') ?? '', limit, empty: query.get('empty') === '1' };
}

/** Relative to the registry, where clients have just asked: Dockpass has another address. */
function linkTo({ names, hasMore }: CatalogPage, { limit, empty }: CatalogQuery): string[] {
  const last = names.at(-1);
  if (!hasMore || last === undefined) return [];
  const query = new URLSearchParams({ last, n: String(limit) });
  if (empty) query.set('empty', '1');
  return ['Link', `<${catalogPath}?${query}>; rel="next"`];
}

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal('internal', 'the list could not be made; the log of Dockpass says why', { cause: error });
}
