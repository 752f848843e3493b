/** Makes the sign-in from a terminal, and mounts what it consists of: pages, scripts, OAuth. */
import type { RequestHandler, Router } from 'express';
import type { Config } from '../config/config.ts';
import { versionOfDockpass } from '../lib/version.ts';
import { authorizationServerMetadata } from '../oauth/metadata.ts';
import {
  createDeviceAuthorization,
  createDisabled,
  createRevocation,
  createTerminalGrants,
  type TerminalGrantParts,
  terminalGrantTypes,
} from '../oauth/terminal-grants.ts';
import type { Grant } from '../oauth/token-endpoint.ts';
import { createPatternCheck } from '../pattern/repository-pattern.ts';
import { machineLifetime } from '../terminal/machines.ts';
import { createTerminal, type Terminal } from '../terminal/terminal.ts';
import { createCliScripts } from '../web/cli-scripts.ts';
import { createTerminalPages } from '../web/terminal.ts';
import type { Core } from './core.ts';
import type { PageContext } from './page-context.ts';

/** Seconds: a terminal in another network is approved only by someone whom the provider authenticated this recently. */
const otherNetworkFreshness = 15 * 60;

export function openTerminal({ terminal, publicUrl }: Config, core: Core): Terminal {
  const { store, audit, pepper, passwords } = core;
  return createTerminal({
    ...{ store: store.terminalRequests, machineStore: store.machines, passwords: store.passwords, audit, pepper },
    ...{ accounts: store.accounts, identityByHash: passwords.identityByHash, publicUrl: publicUrl.href },
    ...{ passwordHours: terminal.passwordHours, refusesOtherNetworks: terminal.refusesOtherNetworks },
    now: Date.now,
  });
}

function grantPartsOf({ publicUrl, prefix, services }: Config, terminal: Terminal): TerminalGrantParts {
  return { terminal, publicUrl: `${publicUrl.origin}${prefix}/`, services, now: Date.now };
}

/** Of `/oauth/token`. Where it's disabled nothing new is given out, and a machine's helper is told why. */
export function terminalGrants(config: Config, terminal: Terminal): ReadonlyMap<string, Grant> {
  const parts = grantPartsOf(config, terminal);
  if (config.terminal.isOn) return createTerminalGrants(parts);
  return new Map(terminalGrantTypes.map((type) => [type, createDisabled(parts)]));
}

/** The others, by path. A machine can always sign itself out. */
export function terminalEndpoints(config: Config, terminal: Terminal): ReadonlyMap<string, Grant> {
  const parts = grantPartsOf(config, terminal);
  return new Map([
    ['/oauth/device', config.terminal.isOn ? createDeviceAuthorization(parts) : createDisabled(parts)],
    ['/oauth/revoke', createRevocation(parts)],
  ]);
}

/** RFC 8414. */
export function metadataOf({ publicUrl, prefix }: Config): RequestHandler {
  const metadata = authorizationServerMetadata(new URL(`${publicUrl.origin}${prefix}/`));
  return (_request, response) => {
    response.json(metadata);
  };
}

export function mountTerminal(router: Router, context: PageContext, config: Config, terminal: Terminal): void {
  const { publicUrl, prefix, services } = config;
  const registryHosts = services.map(({ registryHost }) => registryHost);
  const pages = createTerminalPages({
    ...context.common,
    ...{ requests: terminal.requests, services, passwordHours: config.terminal.passwordHours, machineLifetime },
    requireFresh: context.fresh(otherNetworkFreshness),
    checkPattern: createPatternCheck(registryHosts),
  });
  const base = new URL(`${publicUrl.origin}${prefix}/`);
  router.get('/cli/:script', createCliScripts({ publicUrl: base, registryHosts, version: versionOfDockpass() }));
  router.get('/.well-known/oauth-authorization-server', metadataOf(config));
  router.get('/terminal', context.requirePerson, pages.ask);
  router.post('/terminal', context.requirePerson, pages.show);
  router.post('/terminal/decide', context.requirePerson, pages.decide);
  router.get('/oauth/authorize', context.requirePerson, pages.authorize);
}
