/** Owns what the mounted pages have in common; each is given the whole and takes its part. */
import type { Request, RequestHandler } from 'express';
import type { Audit, Requester } from '../audit/audit.ts';
import type { Config } from '../config/config.ts';
import type { Views } from '../web/views.ts';
import type { Administration } from './accounts.ts';
import type { Core } from './core.ts';
import type { Policies } from './policy-file.ts';

export type PageContext = {
  readonly config: Config;
  readonly core: Core;
  readonly administration: Administration;
  readonly policies: Policies;
  readonly audit: Audit;
  readonly views: Views;
  readonly requesterOf: (request: Request) => Requester;
  readonly services: Config['services'];
  readonly gracePeriods: Config['gracePeriods'];
  readonly now: () => number;
  /** What an operator should do soon: keys, policy files, sweeps, providers. */
  readonly warnings: () => Promise<readonly string[]>;
  /** Lets through who is signed in. */
  readonly requirePerson: RequestHandler;
  /**
   * Lets people through whom the provider authenticated recently.
   * @param pageOf as `requireFreshSignIn` has it
   * @param maximumAge seconds; what is right for administration unless given
   */
  fresh(pageOf?: (address: string) => string, maximumAge?: number): RequestHandler;
};
