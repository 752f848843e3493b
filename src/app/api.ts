/** Mounts the API for programs: no cookies, no pages, an administrators' token for everything that isn't open to anyone. */
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import express, { type Request, type RequestHandler, type Router } from 'express';
import type { ApiTokens } from '../accounts/api-tokens.ts';
import { type ApiField, createInput } from '../api/input.ts';
import { keptLoginRoutes } from '../api/kept-logins.ts';
import { moveRoutes } from '../api/moves.ts';
import { describeApi } from '../api/openapi.ts';
import { passwordRoutes } from '../api/passwords.ts';
import { createPersonFinder, peopleRoutes } from '../api/people.ts';
import { recordRoutes } from '../api/records.ts';
import { repositoryRoutes } from '../api/repositories.ts';
import { requestRoutes } from '../api/requests.ts';
import { robotRoutes } from '../api/robots.ts';
import type { ApiCall, ApiRoute } from '../api/route.ts';
import { workloadRoutes } from '../api/workloads.ts';
import { createLeakReports } from '../app-passwords/leaks.ts';
import type { Actor } from '../audit/audit.ts';
import type { Config } from '../config/config.ts';
import { providerNames } from '../config/providers.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import { authorizationOf } from '../lib/repeated-header.ts';
import { actions } from '../web/admin/audit-labels.ts';
import { openAccessRequests } from './access-requests.ts';
import type { Administration } from './accounts.ts';
import type { Core } from './core.ts';
import { createIdentityByName } from './identity-by-name.ts';
import { createPatternWarnings } from './pattern-warnings.ts';
import type { Policies } from './policy-file.ts';
import type { OpenWorkloads } from './workloads.ts';

type ApiParts = {
  readonly administration: Administration;
  readonly policies: Pick<Policies, 'current'>;
  readonly workloads: Pick<OpenWorkloads, 'administration'>;
  readonly requesterOf: (request: IncomingMessage) => Requester;
};

/** All operations, in the order of their description. */
export function listApiRoutes(config: Config, core: Core, parts: Omit<ApiParts, 'requesterOf'>): ApiRoute[] {
  const { administration } = parts;
  const policy = parts.policies.current;
  const { store, audit, denials, passwords } = core;
  const { people, revocations, robots, auditLog } = administration;
  const named = createIdentityByName(config, store.accounts, policy);
  const idOf = createPersonFinder(store.accounts);
  return [
    ...peopleRoutes({ people, idOf, configuredProviders: () => providerNames(config) }),
    ...moveRoutes({ moves: administration.moves, idOf }),
    ...keptLoginRoutes(administration),
    ...passwordRoutes({
      passwords,
      revocations,
      leaks: createLeakReports({ ...core, now: Date.now }),
    }),
    ...robotRoutes({ robots, passwords, warningsOf: createPatternWarnings(config, core, policy) }),
    ...repositoryRoutes({
      repositories: store.repositories,
      services: config.services.map(({ name }) => name),
    }),
    ...requestRoutes(openAccessRequests(config, core, policy)),
    ...workloadRoutes(parts.workloads.administration),
    ...recordRoutes({
      ...{ auditLog, denials, audit, actions, policy },
      identityOf: async (name) => (await named(name)).identity,
    }),
  ];
}

/** For `/api/v1` below the prefix. */
export function createApi(config: Config, core: Core, parts: ApiParts): Router {
  const { administration, requesterOf } = parts;
  const { apiTokens } = administration;
  const routes = listApiRoutes(config, core, parts);
  const url = new URL(`${config.prefix}/api/v1`, config.publicUrl).href;
  const description = describeApi(routes, url);

  const router = express.Router();
  router.use((_request, response, next) => {
    response.set('X-Content-Type-Options', 'nosniff');
    next();
  });
  router.use(express.json({ limit: '64kb' }));
  router.get('/openapi.json', (_request, response) => void response.json(description));
  for (const route of routes) {
    router[route.method](route.path.replaceAll(/\{(\w+)\}/g, ':$1'), handlerOf(route, apiTokens, requesterOf));
  }
  router.use(() => {
    throw new Refusal('not_found', `There is no such operation. ${url}/openapi.json lists them.`);
  });
  return router;
}

function handlerOf(
  route: ApiRoute,
  tokens: ApiTokens,
  requesterOf: (request: IncomingMessage) => Requester,
): RequestHandler {
  return async (request, response) => {
    const { accountId, ...by } = await authorize(route, tokens, request, requesterOf(request)).catch((error) => {
      const challenge = challengeFor(error, route, request);
      if (challenge !== null) response.set('WWW-Authenticate', challenge);
      throw error;
    });
    refuseUnreadBody(request);
    const parameters = createInput(request.params, Object.keys(request.params).map(textField));
    const param = (name: string): string => parameters.text(name) ?? '';
    const query = createInput(request.query, route.query);
    const body = createInput(request.body, route.body);
    const call = { by, accountId, param, query, body };
    response.set('Cache-Control', 'no-store');
    if (route.download === undefined) {
      response.json(await route.run(call));
      return;
    }
    const { type, fileName, lines } = route.download;
    const records = await lines(call);
    // The name sets a type of its own.
    response.attachment(fileName).type(type);
    await pipeline(records, response);
  };
}

const textField = (name: string): ApiField => ({ name, type: 'string', about: '' });

/**
 * curl says of data that it's a form where no header says what it is. That isn't read, and where all fields are optional,
 * the answer would be as if none had been sent.
 */
function refuseUnreadBody({ body, headers }: Request): void {
  const isSent = (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined;
  if (body !== undefined || !isSent) return;
  throw new Refusal('bad_request', 'Send the body as JSON, with the header "Content-Type: application/json".');
}

/** What a program is to send instead (RFC 9110, section 15.5.2; RFC 6750, section 3.1); `null` where another token can't help. */
function challengeFor(error: unknown, { scope }: ApiRoute, { headers }: Request): string | null {
  if (!(error instanceof Refusal)) return null;
  if (error.code === 'denied') return `Bearer error="insufficient_scope", scope="${scope}"`;
  if (error.code !== 'unauthenticated') return null;
  return headers.authorization === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
}

type Caller = Actor & Pick<ApiCall, 'accountId'>;

async function authorize({ scope }: ApiRoute, tokens: ApiTokens, request: Request, client: Requester): Promise<Caller> {
  if (scope === null) return { actor: '', client, accountId: null };
  const [, secret = ''] = /^Bearer +(\S+)$/i.exec(authorizationOf(request) ?? '') ?? [];
  const { actor, apiToken, accountId, scopes } = await tokens.verify(secret, client);
  if (!scopes.includes(scope)) {
    throw new Refusal('denied', `This needs an API token with the scope ${scope}. This one has ${scopes.join(', ')}.`);
  }
  return { actor, client, apiToken, accountId };
}
