/** Mounts what anyone can ask without signing in: health, keys, and how to log a workload in. */
import type { Request, RequestHandler, Router } from 'express';
import type { Config } from '../config/config.ts';
import type { ServiceConfig } from '../config/services.ts';
import type { Trust } from '../http/requester.ts';
import type { Keys } from '../keys/keys.ts';
import { Refusal } from '../lib/errors.ts';
import type { Core } from './core.ts';
import { answerTwin } from './live-twin.ts';
import type { OpenWorkloads } from './workloads.ts';

export type PublishedParts = {
  readonly keys: Keys;
  readonly workloads: Pick<OpenWorkloads, 'inForce'>;
  readonly warnings: () => readonly string[];
  readonly trust: Trust;
  /** Aborted once the service stops. */
  readonly stopping: AbortSignal;
};

export function mountPublished(router: Router, config: Config, core: Core, parts: PublishedParts): void {
  router.get('/healthz', healthy);
  router.get('/readyz', readiness(core, parts));
  router.get('/.well-known/jwks.json', publicKeys(config.services, parts.keys));
  router.get('/.well-known/registry-bundle.pem', certificateBundle(config.services, parts.keys));
  router.get('/.well-known/dockpass', discovery(config, parts.workloads, core));
}

/** What a script needs to log a workload in: one address to configure, the rest follows from it. */
export function discovery(
  { publicUrl, prefix }: Config,
  { inForce }: PublishedParts['workloads'],
  { store, trial }: Core,
): RequestHandler {
  const base = publicUrl.origin + prefix;
  return async (request, response) => {
    const workloads = inForce();
    // A trial isn't what is served.
    const twin = trial === null ? await answerTwin({ store, now: Date.now }, request.query['database']) : null;
    response.set('Cache-Control', 'no-store').json({
      realm: `${base}/auth`,
      token_endpoint: `${base}/oauth/token`,
      ...(workloads && { audience: workloads.audience }),
      ...twin,
    });
  };
}

/** The process answers. */
const healthy: RequestHandler = (_request, response) => {
  response.json({ status: 'ok' });
};

/**
 * It can do its work: load balancers ask this, and send nothing more to a service that stops. `untrustedProxy` is the
 * address that the request came from, if that sent X-Forwarded-For and TRUSTED_PROXIES doesn't have it.
 */
function readiness(
  { store, trial }: Pick<Core, 'store' | 'trial'>,
  parts: Pick<PublishedParts, 'warnings' | 'stopping' | 'trust'>,
): RequestHandler {
  return async (request, response) => {
    const problem = parts.stopping.aborted
      ? 'stopping'
      : await store.check().then(
          () => null,
          () => "the database doesn't answer, or can't be written",
        );
    // No registry may be led here: its tokens are worth nothing.
    if (trial !== null && problem === null) {
      response.status(503).json({ status: 'trial', problem: trial.reason });
      return;
    }
    const warnings = parts.warnings();
    const peer = request.socket.remoteAddress ?? '';
    const isUnknownProxy = request.headers['x-forwarded-for'] !== undefined && !parts.trust(peer, 0);
    const ready = {
      status: 'ok',
      ...(warnings.length > 0 && { warnings: isOwnMachine(request) ? warnings : warnings.length }),
      ...(isUnknownProxy && { untrustedProxy: peer }),
    };
    response.status(problem === null ? 200 : 503).json(problem === null ? ready : { status: 'unavailable', problem });
  };
}

/** Warnings name people's numbers and providers' faults: in words for those who run Dockpass, as a number for everyone else. */
function isOwnMachine({ socket, headers }: Request): boolean {
  const isForwarded = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
  return !isForwarded && /^(?:::ffff:)?127\.|^::1$/.test(socket.remoteAddress ?? '');
}

/** For registries that can't read the file: the certificates that they must trust. */
function certificateBundle(services: Config['services'], keys: Keys): RequestHandler {
  return (request, response) => {
    const ring = keys.ring(namedService(services, request.query['service']).ring);
    response.set('Cache-Control', 'public, max-age=300').type('application/x-pem-file').send(ring.bundle());
  };
}

function publicKeys(services: Config['services'], keys: Keys): RequestHandler {
  return (request, response) => {
    const ring = keys.ring(namedService(services, request.query['service']).ring);
    response.set('Cache-Control', 'public, max-age=300').json(ring.jwks());
  };
}

/** The first service, unless `?service=` names another. */
function namedService(services: Config['services'], name: unknown): ServiceConfig {
  const service = name === undefined ? services[0] : services.find((candidate) => candidate.name === name);
  if (service === undefined) throw new Refusal('not_found', 'Unknown registry. "service" must be one of SERVICES.');
  return service;
}
