/** Owns which page a form is on: where someone comes back to who had to sign in before it counted. */
import type { Request } from 'express';
import { addSentValues, queryOf, textsOf } from './fields.ts';
import { maximumLength } from './return-to.ts';

/** Below the prefix: forms that are sent to an address that isn't a page. Every other form is on the page that it's sent to. */
const pages: readonly (readonly [sentTo: RegExp, page: string])[] = [
  [/^\/sessions\/end$/, '/access'],
  [/^\/terminal\/decide$/, '/terminal'],
  [/^(\/requests)\/[^/]+\/withdraw$/, '$1'],
  [/^((?:\/admin)?\/robots\/[^/]+)\/state$/, '$1'],
  [/^((?:\/admin)?\/robots)\/[^/]+\/passwords\/[^/]+\/confirm$/, '$1'],
  [/^(\/admin\/people\/[^/]+)\/(?:relink|moves\/[^/]+\/end)$/, '$1/move'],
  [/^(\/admin\/kept-logins)\/release$/, '$1'],
  [/^(\/admin\/revocations\/[^/]+)\/undo$/, '$1'],
  [/^(\/admin\/deliveries)\/[^/]+\/retry$/, '$1'],
];

/** Forms that come back as they were filled in. None has a secret: what was sent goes into the address of the page. */
const withValues: typeof pages = [
  [/^(\/passwords)$/, '$1/new'],
  [/^(\/requests)$/, '$1/new'],
  [/^((?:\/admin)?\/robots\/new)$/, '$1'],
  [/^((?:\/admin)?\/robots\/[^/]+\/change)$/, '$1'],
  [/^((?:\/admin)?\/robots\/[^/]+\/passwords)$/, '$1/new'],
  [/^((?:(?:\/admin)?\/robots\/[^/]+)?\/passwords\/[^/]+\/rotate)$/, '$1'],
  [/^(\/settings\/notifications)$/, '$1'],
  [/^(\/admin\/tokens\/new)$/, '$1'],
  [/^(\/admin\/people\/[^/]+\/disable)$/, '$1'],
  [/^(\/admin\/workloads\/[^/]+\/off)$/, '$1'],
  [/^(\/admin\/revocations\/new)$/, '$1'],
  [/^(\/admin\/repositories)\/sync$/, '$1'],
];

const answerForm = /^(\/admin\/requests)\/([\w-]+)\/answer$/;

/** @param prefix path prefix of all pages: '' or '/dockpass'. @returns with the prefix */
export function pageOf(request: Pick<Request, 'method' | 'originalUrl' | 'body'>, prefix: string): string {
  const { method, originalUrl } = request;
  if (method !== 'POST') return originalUrl;
  const [path = '', query = ''] = originalUrl.slice(prefix.length).split(/\?(.*)/s);
  const filledIn = pageAmong(withValues, path);
  if (filledIn !== null) {
    // Only a page that is sent to its own address has a query that is about it.
    const asked = new URLSearchParams(filledIn === path ? query : '');
    return withQuery(prefix + filledIn, asked, addSentValues(asked, request));
  }
  const [, list, id] = answerForm.exec(path) ?? [];
  if (list !== undefined && id !== undefined) {
    return withQuery(prefix + list, new URLSearchParams(), new URLSearchParams(noteOf(request, id)));
  }
  const page = pageAmong(pages, path);
  return page === null ? originalUrl : prefix + page;
}

function pageAmong(forms: typeof pages, path: string): string | null {
  const [sentTo, page] = forms.find(([form]) => form.test(path)) ?? [];
  return sentTo === undefined || page === undefined ? null : path.replace(sentTo, page);
}

/** What is too long to come back with isn't sent anywhere: the page then has only what it was opened with. */
function withQuery(page: string, asked: URLSearchParams, values: URLSearchParams): string {
  const address = (query: URLSearchParams) => (query.size === 0 ? page : `${page}?${query}`);
  return address(values).length > maximumLength ? address(asked) : address(values);
}

/** The list has a form for each request, so the note comes back with the request that it was for; the answer doesn't. */
function noteOf({ originalUrl, body }: Pick<Request, 'originalUrl' | 'body'>, id: string): string {
  const [note = ''] = textsOf(body, 'note');
  const page = new URLSearchParams(originalUrl.split('?')[1]).get('page');
  return queryOf({ page, ...(note !== '' && { request: id, note }) });
}
