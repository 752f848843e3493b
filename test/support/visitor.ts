/** Owns a browser without a screen: it keeps cookies as browsers do, follows redirects, and can choose who to be at the demo's provider. */
import { cookieNames } from '../../src/web/cookies.ts';

export type Page = { readonly url: URL; readonly status: number; readonly headers: Headers; readonly body: string };

type Cookie = { readonly host: string; readonly path: string; readonly name: string; readonly value: string };

export type Visitor = {
  /** One request; redirects are not followed. */
  request(url: string | URL, init?: RequestInit): Promise<Response>;
  /** Follows redirects to the page that a person would see. */
  open(url: string | URL, init?: RequestInit): Promise<Page>;
  /** Sends a form from the page, as a browser does: with Origin and Sec-Fetch-Site. */
  submit(page: Page, url: string | URL, fields: Readonly<Record<string, string>>): Promise<Page>;
  /** The value of a cookie that would be sent to the URL. */
  cookie(url: string | URL, name: string): string | undefined;
  /** Presents a cookie that some other browser was given, or forgets it. */
  setCookie(url: string | URL, name: string, value: string | null): void;
};

/** What the cookie of the session is called at this site. @param site with the prefix */
export const sessionCookieOf = (site: string) => cookieNames(site, false).session;

/** More redirects than any sign-in needs: a loop. */
const maximumRedirects = 20;

export function createVisitor(): Visitor {
  let cookies: Cookie[] = [];
  const keep = (cookie: Cookie): void => {
    const same = (other: Cookie): boolean =>
      other.host === cookie.host && other.path === cookie.path && other.name === cookie.name;
    cookies = [...cookies.filter((other) => !same(other)), ...(cookie.value === '' ? [] : [cookie])];
  };
  const cookiesFor = (url: URL): Cookie[] =>
    cookies.filter(({ host, path }) => host === url.hostname && isWithin(url.pathname, path));

  const visitor: Visitor = {
    async request(target, init = {}) {
      const url = new URL(target);
      const headers = new Headers(init.headers);
      const sent = cookiesFor(url).map(({ name, value }) => `${name}=${value}`);
      if (sent.length > 0) headers.set('cookie', sent.join('; '));
      const response = await fetch(url, { ...init, headers, redirect: 'manual' });
      for (const line of response.headers.getSetCookie()) keep(parseCookie(line, url));
      return response;
    },
    async open(target, init) {
      let url = new URL(target);
      let response = await visitor.request(url, init);
      for (let count = 0; response.headers.has('location'); count++) {
        if (count === maximumRedirects) throw new Error(`redirect loop at ${url.origin}${url.pathname}`);
        await response.body?.cancel();
        url = new URL(response.headers.get('location') ?? '', url);
        response = await visitor.request(url);
      }
      return { url, status: response.status, headers: response.headers, body: await response.text() };
    },
    submit: (page, target, fields) =>
      visitor.open(new URL(target, page.url), {
        method: 'POST',
        body: new URLSearchParams(fields),
        headers: { origin: page.url.origin, 'sec-fetch-site': 'same-origin' },
      }),
    cookie: (target, name) => cookiesFor(new URL(target)).find((cookie) => cookie.name === name)?.value,
    setCookie: (target, name, value) => keep({ host: new URL(target).hostname, path: '/', name, value: value ?? '' }),
  };
  return visitor;
}

/** Opens the URL that begins a sign-in, chooses the person at the provider, and returns the page that this ends on. */
export async function signInAs(visitor: Visitor, beginUrl: string | URL, email: string): Promise<Page> {
  return (await signInAndCount(visitor, beginUrl, email)).page;
}

/** The same, with how many times the provider was asked: a second time where Google has to show its consent page. */
export async function signInAndCount(
  visitor: Visitor,
  beginUrl: string | URL,
  email: string,
): Promise<{ page: Page; times: number }> {
  let chooser = await visitor.open(beginUrl);
  for (let times = 1; ; times++) {
    const page = await visitor.submit(chooser, chooser.url, { account: email });
    const isAskedAgain = page.url.pathname.startsWith('/choose/') && page.url.href !== chooser.url.href;
    if (!isAskedAgain) return { page, times };
    chooser = page;
  }
}

function parseCookie(line: string, url: URL): Cookie {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
  const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice('path='.length) ?? '/';
  const split = pair.indexOf('=');
  return { host: url.hostname, path, name: pair.slice(0, split), value: pair.slice(split + 1) };
}

/** RFC 6265 section 5.1.4. */
function isWithin(pathname: string, path: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
}
