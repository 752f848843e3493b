/** Owns which page a form is on: where someone comes back to who had to sign in before it counted. */
import type { Request } from 'express';
import { queryOf, sentValues, textsOf } from './fields.ts';
import { maximumLength } from './return-to.ts';

/** Below the prefix: forms that are sent to an address that isn't a page. Every other form is on the page that it's sent to. */
const pages: readonly (readonly [sentTo: RegExp, page: string])[] = [
  [/^\/sessions\/end$/, '/access'],
  [/^\/terminal\/decide$/, '/terminal'],
  [/^(\/requests)\/[^/]+\/withdraw$/, '$1'],
  [/^((?:\/admin)?\/robots\/[^/]+\/passwords)$/, '$1/new'],
  [/^((?:\/admin)?\/robots\/[^/]+)\/state$/, '$1'],
  [/^((?:\/admin)?\/robots)\/[^/]+\/passwords\/[^/]+\/confirm$/, '$1'],
  [/^(\/admin\/people\/[^/]+)\/(?:relink|moves\/[^/]+\/end)$/, '$1/move'],
  [/^(\/admin\/kept-logins)\/release$/, '$1'],
  [/^(\/admin\/revocations\/[^/]+)\/undo$/, '$1'],
  [/^(\/admin\/repositories)\/sync$/, '$1'],
  [/^(\/admin\/deliveries)\/[^/]+\/retry$/, '$1'],
];

/** These pages need back what was sent: that of an access request, for one, is about a single repository. */
const withValues: ReadonlyMap<string, string> = new Map([
  ['/passwords', '/passwords/new'],
  ['/requests', '/requests/new'],
  ['/robots/new', '/robots/new'],
  ['/admin/robots/new', '/admin/robots/new'],
]);

const answerForm = /^(\/admin\/requests)\/([\w-]+)\/answer$/;

/** @param prefix path prefix of all pages: '' or '/dockpass'. @returns with the prefix */
export function pageOf(request: Pick<Request, 'method' | 'originalUrl' | 'body'>, prefix: string): string {
  const { method, originalUrl } = request;
  if (method !== 'POST') return originalUrl;
  const path = originalUrl.slice(prefix.length).replace(/\?.*$/, '');
  const form = withValues.get(path);
  if (form !== undefined) return withQuery(prefix + form, sentValues(request));
  const [, list, id] = answerForm.exec(path) ?? [];
  if (list !== undefined && id !== undefined) return withQuery(prefix + list, noteOf(request, id));
  const [sentTo, page] = pages.find(([form]) => form.test(path)) ?? [];
  return sentTo === undefined || page === undefined ? originalUrl : prefix + path.replace(sentTo, page);
}

/** What is too long to come back with isn't sent anywhere. */
function withQuery(page: string, query: string): string {
  const address = page + query;
  return address.length > maximumLength ? page : address;
}

/** The list has a form for each request, so the note comes back with the request that it was for; the answer doesn't. */
function noteOf({ originalUrl, body }: Pick<Request, 'originalUrl' | 'body'>, id: string): string {
  const [note = ''] = textsOf(body, 'note');
  const page = new URLSearchParams(originalUrl.split('?')[1]).get('page');
  return queryOf({ page, ...(note !== '' && { request: id, note }) });
}
