/** Owns what listens: which handler each request goes to, before express sees any of them. */
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Config } from '../config/config.ts';
import { pathOf } from '../http/path.ts';
import { logRequest } from '../http/request-log.ts';
import { createRequesterReader, createTrust } from '../http/requester.ts';
import { boundTo, createServer, createStop } from '../http/server.ts';
import type { Tls } from '../http/tls.ts';
import { requireReadable } from '../http/unreadable.ts';
import { errorCode, Refusal } from '../lib/errors.ts';
import { securityHeaders } from '../lib/security-headers.ts';
import { byGrantType, createOAuthEndpoint, type OAuthEndpointParts } from '../oauth/token-endpoint.ts';
import { eventsPath } from '../repositories/event-endpoint.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { catalogPath } from '../token/catalog-endpoint.ts';
import { realmPaths } from '../token/endpoint.ts';
import { type Core, secretOf } from './core.ts';
import { createLatePages, type LatePages } from './late-pages.ts';
import type { PageParts } from './pages.ts';
import { createRealm } from './realm.ts';
import { openRegistries } from './registries.ts';
import type { OpenEvents } from './repositories.ts';
import { openRepositoryLists } from './repository-lists.ts';
import { openTerminal, terminalEndpoints, terminalGrants } from './terminal.ts';
import type { OpenWorkloads } from './workloads.ts';

/** Connections that can wait to be accepted, as far as the kernel allows: Node's 511 refuse a crowd that comes together. */
const backlog = 4_096;

export type ListenerParts = Omit<
  PageParts,
  'trust' | 'requesterOf' | 'terminal' | 'lists' | 'registries' | 'sessionSecret'
> & {
  readonly events: OpenEvents;
  /** `null` where it speaks http. */
  readonly tls: Tls | null;
};

/** @returns where it listens, what stops it, and the pages, which it doesn't wait for */
export async function listen(
  config: Config,
  core: Core,
  parts: ListenerParts,
): Promise<{ url: string; stopServer: ReturnType<typeof createStop>; pages: LatePages }> {
  const { port, host } = config;
  const { tls } = parts;
  const { listener, pages, common } = await createListener(config, core, parts);
  const server = createServer(tls, listener, common);
  const stopServer = createStop(server);
  server.listen({ port, host, backlog });
  await once(server, 'listening').catch((error: unknown) => {
    throw isNoAddress(error) ? wrongAddress(host, error) : error;
  });
  const bound = boundTo(server);
  const boundHost = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return { url: `${tls === null ? 'http' : 'https'}://${boundHost}:${bound.port}`, stopServer, pages };
}

/** A port that is taken is explained by the command. */
function isNoAddress(error: unknown): boolean {
  return ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'].includes(errorCode(error));
}

function wrongAddress(host: string, cause: unknown): Refusal {
  const message = `${host} isn't an address of this machine (${errorCode(cause)}). Set LISTEN_ADDRESS to one that is, without a port or brackets, or to 0.0.0.0 or :: for all of them.`;
  return new Refusal('misconfigured', message, { cause });
}

/**
 * The realm is answered before express sees the request: registry clients ask for a token with each layer, and
 * sessions, cookies and page headers are none of their business.
 */
async function createListener(
  config: Config,
  core: Core,
  parts: ListenerParts,
): Promise<{ listener: RequestListener; pages: LatePages; common: readonly string[] }> {
  const { log } = core;
  const trust = createTrust(config.trustedProxies);
  const requesterOf = createRequesterReader(trust);
  const terminal = openTerminal(config, core);
  const lists = openRepositoryLists(config, core, parts.policies);
  const { token, catalog } = createRealm(config, core, {
    ...parts,
    requesterOf,
    terminal,
    listing: lists.listing,
    trust,
  });
  // What can be wrong with the settings is found out before anyone is answered.
  const registries = openRegistries(config, parts.keys);
  const sessionSecret = await secretOf(config, 'sessionSecret', 'session-secret');
  const pages = createLatePages(async () => {
    const { createPages } = await import('./pages.ts');
    return createPages(config, core, { trust, requesterOf, terminal, lists, registries, sessionSecret, ...parts });
  }, parts.stopping);
  const oauth = createOAuth(config, terminal, parts.workloads, { requesterOf, log });
  // A registry's own address, whatever the prefix of Dockpass is: a proxy sends it here.
  const programs = new Map([...oauth, [catalogPath, loggedBy({ log, requesterOf }, catalog)]]);

  // Watchtower sends the realm in lower case, whatever the registry says.
  const realm = new Set(realmPaths.map((path) => (config.prefix + path).toLowerCase()));
  const events = config.prefix + eventsPath;
  const common = securityHeaders(config.publicUrl.protocol === 'https:');
  const listener = requireReadable({ log, requesterOf, common }, (request, response) => {
    const path = pathOf(request);
    if (realm.has(path.toLowerCase())) {
      void token(request, response);
      return;
    }
    setHeaders(response, common);
    // Thousands a second, each on a connection of its own: no page, no session, and no line in the log.
    if (path.startsWith(events)) {
      void parts.events.answer(request, response, path.slice(events.length));
      return;
    }
    const endpoint = programs.get(path);
    if (endpoint !== undefined) {
      void endpoint(request, response);
      return;
    }
    logRequest(request, response, { log, requesterOf });
    // Asked of the server as a whole (RFC 9112, section 3.2.4); express would take it for a page without its session.
    if (request.url === '*') response.writeHead(204).end();
    else pages.answer(request, response);
  });
  return { listener, pages, common };
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

function loggedBy(parts: Parameters<typeof logRequest>[2], handle: Handler): Handler {
  return (request, response) => {
    logRequest(request, response, parts);
    return handle(request, response);
  };
}

function setHeaders(response: ServerResponse, headers: readonly string[]): void {
  for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at] ?? '', headers[at + 1] ?? '');
}

/** By path. Programs ask here, so that sessions, cookies and page headers have no part in it. */
function createOAuth(
  config: Config,
  terminal: Terminal,
  workloads: OpenWorkloads,
  parts: Pick<OAuthEndpointParts, 'requesterOf' | 'log'>,
): ReadonlyMap<string, ReturnType<typeof createOAuthEndpoint>> {
  const ofTerminal = terminalGrants(config, terminal);
  const grants = () => new Map([...workloads.grants(), ...ofTerminal]);
  const handlers = new Map([['/oauth/token', byGrantType(grants)], ...terminalEndpoints(config, terminal)]);
  return new Map(
    [...handlers].map(([path, handle]) => [config.prefix + path, createOAuthEndpoint({ ...parts, handle })]),
  );
}
