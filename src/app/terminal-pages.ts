/** Mounts the pages and scripts of the sign-in from a terminal. */
import type { RequestHandler, Router } from 'express';
import { checkLimits } from '../app-passwords/input.ts';
import type { Config } from '../config/config.ts';
import { versionOfDockpass } from '../lib/version.ts';
import { authorizationServerMetadata } from '../oauth/metadata.ts';
import { createPatternCheck } from '../pattern/repository-pattern.ts';
import { machineLifetime } from '../terminal/machines.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { createCliScripts } from '../web/cli-scripts.ts';
import { createTerminalPages } from '../web/terminal.ts';
import { type PageContext, recentSignIn } from './page-context.ts';
import type { OpenWorkloads } from './workloads.ts';

/** Seconds: a terminal in another network is approved only by someone whom the provider authenticated this recently. */
const otherNetworkFreshness = 15 * 60;

/** RFC 8414; what workloads can do counts as the policy has it at that moment. */
export function metadataOf({ publicUrl, prefix }: Config, workloads: Pick<OpenWorkloads, 'inForce'>): RequestHandler {
  const base = new URL(`${publicUrl.origin}${prefix}/`);
  return (_request, response) => {
    response.json(authorizationServerMetadata(base, workloads.inForce() !== null));
  };
}

export function mountTerminal(
  router: Router,
  context: PageContext,
  config: Config,
  { terminal, workloads }: { readonly terminal: Terminal; readonly workloads: Pick<OpenWorkloads, 'inForce'> },
): void {
  const { publicUrl, prefix, services, passwordFreshness } = config;
  const recent = recentSignIn(context);
  const registryHosts = services.map(({ registryHost }) => registryHost);
  const checkPattern = createPatternCheck(registryHosts);
  const elsewhere = Math.min(otherNetworkFreshness, passwordFreshness ?? Number.POSITIVE_INFINITY);
  const pages = createTerminalPages({
    ...context.common,
    ...{ requests: terminal.requests, services, passwordHours: config.terminal.passwordHours, machineLifetime },
    requireFresh: { sameNetwork: recent, otherNetwork: context.fresh(elsewhere) },
    checkLimits: (input) => checkLimits(input, { checkPattern }),
  });
  const base = new URL(`${publicUrl.origin}${prefix}/`);
  router.get('/cli/:script', createCliScripts({ publicUrl: base, registryHosts, version: versionOfDockpass() }));
  router.get('/.well-known/oauth-authorization-server', metadataOf(config, workloads));
  // Before the code is typed, which no address brings back after a sign-in.
  router.get('/terminal', context.requirePerson, recent, pages.ask);
  router.post('/terminal', context.requirePerson, pages.show);
  router.post('/terminal/decide', context.requirePerson, pages.decide);
  router.get('/oauth/authorize', context.requirePerson, recent, pages.authorize);
}
