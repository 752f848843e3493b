/** Owns what the functions that mount pages share. Each page gets the parts that it uses, and never the whole. */
import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import type { AppPasswords } from '../app-passwords/app-passwords.ts';
import type { Audit } from '../audit/audit.ts';
import type { DailyCounts } from '../audit/daily-counts.ts';
import type { Denials } from '../audit/denials.ts';
import type { Config } from '../config/config.ts';
import type { Requester } from '../identity/requester.ts';
import type { AccessRequests } from '../requests/access-requests.ts';
import type { OverviewParts } from '../web/admin/overview.ts';
import type { PasswordActionParts } from '../web/password-actions.ts';
import type { PasswordDetailParts } from '../web/password-detail.ts';
import type { Views } from '../web/views.ts';
import type { WorkloadAdministration } from '../workload/administration.ts';
import type { Administration } from './accounts.ts';
import type { NamedIdentity } from './identity-by-name.ts';
import type { Policies } from './policy-file.ts';

/** What every page gets. */
export type CommonParts = {
  readonly views: Views;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  readonly now: () => number;
};

export type PageContext = {
  readonly common: CommonParts;
  readonly administration: Administration;
  readonly policies: Pick<Policies, 'current' | 'candidate'>;
  readonly workloads: WorkloadAdministration;
  readonly audit: Audit;
  readonly passwords: AppPasswords;
  readonly requests: AccessRequests;
  readonly denialsOf: Denials['ofAccount'];
  /** Of everyone. */
  readonly denials: Denials['list'];
  readonly countDenials: Denials['count'];
  readonly dailyCounts: DailyCounts;
  /** What an account really pushed and pulled, of that what the person who asks can pull; `null`: no registry reports it. */
  readonly activityOf: PasswordActionParts['activityOf'];
  /** What its passwords were used from and for; of robots, the repositories that the person who asks can pull. */
  readonly usesOf: PasswordDetailParts['usesOf'];
  /** What a password could do that isn't made yet. */
  readonly preview: Pick<PasswordActionParts, 'previewOf' | 'unreachableOf'>;
  /** Who goes by a user name now. */
  readonly identityNamed: (name: string) => Promise<NamedIdentity>;
  /** The settings that pages show or follow. */
  readonly settings: Pick<
    Config,
    'services' | 'gracePeriods' | 'contact' | 'passwordFreshness' | 'publicUrl' | 'prefix'
  >;
  /** What an operator should do soon: keys, policy files, sweeps, providers. */
  readonly warnings: () => Promise<readonly string[]>;
  /** What the overview says about the installation itself. */
  readonly operations: OverviewParts['operations'];
  /** Lets people through who are signed in. */
  readonly requirePerson: RequestHandler;
  /**
   * Lets people through who authenticated at the provider recently.
   * @param maximumAge seconds; what is right for administration unless given
   */
  fresh(maximumAge?: number): RequestHandler;
};

/**
 * Before a person gets something of their own that logs in, on whichever page. It outlives the session, so
 * PASSWORD_FRESH_MINUTES can ask for more than a session.
 */
export function recentSignIn({ settings, fresh }: Pick<PageContext, 'settings' | 'fresh'>): RequestHandler {
  const { passwordFreshness } = settings;
  if (passwordFreshness === null) return (_request, _response, next) => next();
  return fresh(passwordFreshness);
}
