/** Owns `dockpass doctor --provider google`: the OAuth client, the directory with each strategy, and the security events. */

import { callbackUrlOf } from '../app/providers.ts';
import type { Config } from '../config/config.ts';
import type { GoogleDirectoryConfig } from '../config/google-directory.ts';
import { type Finding, note, right, unknown, wrong } from '../doctor/finding.ts';
import { examineEndpoints } from '../doctor/provider.ts';
import { countOf } from '../lib/count.ts';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { createGoogleToken } from '../sign-in/google/credentials.ts';
import { isUsersPage } from '../sign-in/google/directory-answers.ts';
import { createGoogleApi, statusOfGoogleError } from '../sign-in/google/directory-api.ts';
import { createGroupLookup, groupStrategies } from '../sign-in/google/group-lookup.ts';
import { riscEvents } from '../sign-in/google/risc.ts';
import { createEventStream } from '../sign-in/google/risc-stream.ts';
import { scopeNamed } from '../sign-in/google/scopes.ts';
import { nameHost } from '../sign-in/google/token-answer.ts';
import { limitFetch } from '../sign-in/provider-fetch.ts';

type Google = NonNullable<Config['google']>;

/** @throws {Refusal} `not_found` where Google isn't configured */
export async function examineGoogle(config: Config): Promise<Finding[]> {
  const { google } = config;
  if (google === null) throw new Refusal('not_found', 'Google is not configured: set GOOGLE_CLIENT_ID.');
  const endpoints = {
    ...{ token_endpoint: google.tokenUrl, authorization_endpoint: google.authorizationUrl },
    jwks_uri: google.jwksUrl,
  };
  const question = {
    ...{ issuer: google.issuers[0] ?? '', clientId: google.clientId, clientSecret: google.clientSecret },
    ...{ authMethod: 'post' as const, callbackUrl: callbackUrlOf(config, 'google'), prefix: 'GOOGLE_' },
    clockLeeway: config.clockLeeway,
  };
  return [
    ...(await examineEndpoints({ fetch, now: Date.now }, endpoints, question)),
    ...(google.directory === null ? [noDirectory(google)] : await examineDirectory(google.directory)),
    await examineEvents(config, google),
  ];
}

function noDirectory({ refreshTokens }: Google): Finding {
  const leavers = refreshTokens ? 'leavers are found with their refresh tokens' : 'no one is checked after the sign-in';
  return note('directory', `GOOGLE_DIRECTORY is off: Google reports no groups, and ${leavers}.`);
}

const userScope = 'admin.directory.user.readonly';
const groupScopes = {
  direct: ['admin.directory.group.readonly'],
  recursive: ['admin.directory.group.readonly'],
  configured: ['admin.directory.group.readonly', 'admin.directory.group.member.readonly'],
  transitive: ['cloud-identity.groups.readonly'],
} as const;

/** One user of the directory, to ask the rest about. */
type Someone = { readonly subject: string; readonly email: string; readonly customer: string | null };

async function examineDirectory(settings: GoogleDirectoryConfig): Promise<Finding[]> {
  const scopes = [...new Set([userScope, ...groupScopes[settings.strategy]])];
  const granted = await Promise.all(scopes.map((scope) => examineScope(settings, scope)));
  const someone = await findSomeone(settings);
  if ('status' in someone) return [...granted, someone];
  return [
    ...granted,
    right('directory', `it answers; asked about ${someone.email}.`),
    checkCustomer(settings, someone),
    ...(await Promise.all(
      groupStrategies.map((strategy) => examineStrategy({ ...settings, strategy }, someone, settings.strategy)),
    )),
  ];
}

const call = nameHost(limitFetch(fetch));
const parts = { call, now: Date.now };

async function examineScope({ credentials }: GoogleDirectoryConfig, name: string): Promise<Finding> {
  try {
    await createGoogleToken(credentials, [scopeNamed(name)], parts)(false);
    return right('delegation', `Google gives a token for ${name}.`);
  } catch (error) {
    return wrong('delegation', `Google gives no token for ${name}: ${statusOfGoogleError(error).reason}.`);
  }
}

function apiOf({ credentials }: GoogleDirectoryConfig, scopes: readonly string[]) {
  const token = createGoogleToken(credentials, scopes.map(scopeNamed), parts);
  // A person waits: what is busy now is reported, not waited for.
  return createGoogleApi({ call, token, wait: async () => {}, random: Math.random });
}

async function findSomeone(settings: GoogleDirectoryConfig): Promise<Someone | Finding> {
  const url = new URL(`${settings.directoryUrl}/admin/directory/v1/users`);
  url.searchParams.set('customer', settings.customerId ?? 'my_customer');
  url.searchParams.set('maxResults', '1');
  try {
    const { users = [] } = await apiOf(settings, [userScope]).get(url.href, isUsersPage);
    const [user] = users;
    if (user === undefined) {
      return unknown('directory', 'it answers, but lists no one: is GOOGLE_CUSTOMER_ID another company?');
    }
    return { subject: user.id, email: user.primaryEmail, customer: user.customerId ?? null };
  } catch (error) {
    return wrong('directory', `${statusOfGoogleError(error).reason}.`);
  }
}

function checkCustomer({ customerId }: GoogleDirectoryConfig, { customer }: Someone): Finding {
  if (customer === null) return unknown('customer', 'the directory does not say its id: set GOOGLE_CUSTOMER_ID.');
  if (customerId === null || customerId === customer) return right('customer', `the Workspace is ${customer}.`);
  return wrong('customer', `the Workspace is ${customer}, and GOOGLE_CUSTOMER_ID is ${customerId}.`);
}

/** Each strategy is tried; one that isn't in use needn't work. */
async function examineStrategy(
  settings: GoogleDirectoryConfig,
  someone: Someone,
  inUse: GoogleDirectoryConfig['strategy'],
): Promise<Finding> {
  const { strategy } = settings;
  const api = apiOf(settings, [userScope, ...groupScopes[strategy]]);
  const log = { warn() {} };
  const named = () => settings.groupDomains.map((domain) => `dockpass-doctor@${domain}`);
  try {
    const { groups } = await createGroupLookup(settings, { api, named, log, now: Date.now })(someone);
    return right(
      'groups',
      `${strategy}: works${strategy === 'configured' ? '' : ` (${countOf(groups.length, 'group')})`}.`,
    );
  } catch (error) {
    const message = `${strategy}: ${statusOfGoogleError(error).reason}`;
    return strategy === inUse ? wrong('groups', `${message}.`) : note('groups', `${message}. It isn't in use.`);
  }
}

async function examineEvents({ publicUrl, prefix }: Config, google: Google): Promise<Finding> {
  if (google.riscConfigurationUrl === null) {
    return note('events', 'GOOGLE_RISC is off: Google does not report hijacked and disabled accounts.');
  }
  const key = google.directory?.credentials.key ?? null;
  const command = 'dockpass google-events register';
  if (key === null) return unknown('events', `"dockpass google-events verify --key-file FILE" shows the stream.`);
  try {
    const stream = createEventStream({ url: google.riscUrl, key, fetch, now: Date.now });
    const { delivery, events_requested: events } = await stream.read();
    const receiver = `${publicUrl.origin}${prefix}/google-events`;
    if (fieldsIn(delivery)['url'] !== receiver)
      return wrong('events', `Google does not send to ${receiver}: ${command}.`);
    const missing = riscEvents.filter((event) => !(Array.isArray(events) && events.includes(event)));
    if (missing.length === 0) return right('events', `Google sends them to ${receiver}.`);
    return wrong(
      'events',
      `Google does not send ${missing.map((event) => event.split('/').at(-1)).join(', ')}: ${command}.`,
    );
  } catch (error) {
    return wrong('events', errorMessage(error));
  }
}
