/** Owns the settings of Google's directory: the strategy that switches it on, and how Dockpass proves itself to it. */

import { createPrivateKey } from 'node:crypto';
import { parseFields } from '../lib/json.ts';
import { type ApplicationDefault, readApplicationDefault } from './google-application-default.ts';
import type { Settings } from './settings.ts';

export type ServiceAccountKey = {
  readonly client_email: string;
  readonly private_key: string;
  readonly private_key_id: string | null;
};

export type GoogleDirectoryConfig = {
  readonly strategy: (typeof strategies)[number];
  readonly depth: number;
  /** Domains whose people it has. */
  readonly domains: readonly string[];
  /** Domains whose groups count. */
  readonly groupDomains: readonly string[];
  /** `null`: as the directory says. */
  readonly customerId: string | null;
  readonly directoryUrl: string;
  readonly cloudIdentityUrl: string;
  readonly credentials: {
    readonly key: ServiceAccountKey | null;
    readonly serviceAccount: string | null;
    readonly admin: string | null;
    readonly applicationDefault: ApplicationDefault | null;
    readonly tokenUrl: string;
    readonly iamUrl: string;
    readonly metadataUrl: string;
  };
};

const strategies = ['direct', 'recursive', 'configured', 'transitive'] as const;

/**
 * `null` where no directory is asked.
 * @param signInDomains the domains that can sign in
 * @param endpoint reads a URL that must not be plain http beyond this machine
 */
export function readGoogleDirectory(
  settings: Settings,
  signInDomains: readonly string[],
  endpoint: (name: string, fallback: string) => string,
): GoogleDirectoryConfig | null {
  const strategy = settings.choice('GOOGLE_DIRECTORY', ['off', ...strategies], 'off');
  const key = readKey(settings);
  const serviceAccount = settings.optional('GOOGLE_DIRECTORY_SERVICE_ACCOUNT');
  const admin = settings.optional('GOOGLE_DIRECTORY_ADMIN');
  if (strategy === 'off') {
    const others = ['GOOGLE_DIRECTORY_DOMAINS', 'GOOGLE_GROUP_DOMAINS', 'GOOGLE_CUSTOMER_ID'].map(settings.optional);
    if (key ?? serviceAccount ?? admin ?? others.find((value) => value !== null)) {
      settings.problem('GOOGLE_DIRECTORY is off, but its other settings are set: choose direct, for example');
    }
    return null;
  }
  const hasKey = settings.isSecretSet('GOOGLE_DIRECTORY_KEY');
  if (hasKey && serviceAccount !== null) {
    settings.problem('GOOGLE_DIRECTORY_KEY_FILE and GOOGLE_DIRECTORY_SERVICE_ACCOUNT contradict each other: keep one');
  }
  if (admin !== null && !hasKey && serviceAccount === null) {
    settings.problem(
      'GOOGLE_DIRECTORY_ADMIN needs a service account with domain-wide delegation: set GOOGLE_DIRECTORY_KEY_FILE, or GOOGLE_DIRECTORY_SERVICE_ACCOUNT to sign without a key',
    );
  }
  const domains = readDomains(settings, signInDomains);
  const groupDomains = settings.domains('GOOGLE_GROUP_DOMAINS');
  return {
    strategy,
    domains,
    groupDomains: groupDomains.length > 0 ? groupDomains : domains,
    customerId: readCustomerId(settings),
    depth: settings.integer('GOOGLE_DIRECTORY_DEPTH', { fallback: 5, minimum: 1, maximum: 20 }),
    directoryUrl: endpoint('GOOGLE_DIRECTORY_URL', 'https://admin.googleapis.com'),
    cloudIdentityUrl: endpoint('GOOGLE_CLOUD_IDENTITY_URL', 'https://cloudidentity.googleapis.com'),
    credentials: {
      key,
      serviceAccount,
      admin,
      applicationDefault: !hasKey ? readApplicationDefault(settings) : null,
      tokenUrl: endpoint('GOOGLE_DIRECTORY_TOKEN_URL', 'https://oauth2.googleapis.com/token'),
      iamUrl: endpoint('GOOGLE_IAM_URL', 'https://iamcredentials.googleapis.com'),
      // Plain http, as everywhere at Google: it never leaves the machine (cloud.google.com/compute/docs/metadata).
      metadataUrl: settings.text('GOOGLE_METADATA_URL', 'http://metadata.google.internal'),
    },
  };
}

function readCustomerId(settings: Settings): string | null {
  const id = settings.optional('GOOGLE_CUSTOMER_ID');
  if (id !== null && !/^C[0-9a-z]{1,20}$/i.test(id)) {
    settings.problem('GOOGLE_CUSTOMER_ID begins with C: the Admin console shows it under Account settings > Profile');
  }
  return id;
}

/** Of people of another company's domain the directory would say "not found", which means "deleted" of its own. */
function readDomains(settings: Settings, signInDomains: readonly string[]): readonly string[] {
  const domains = settings.domains('GOOGLE_DIRECTORY_DOMAINS');
  const stranger = domains.find((domain) => !signInDomains.includes(domain));
  if (stranger !== undefined) settings.problem(`GOOGLE_DIRECTORY_DOMAINS: ${stranger} is not in GOOGLE_DOMAINS`);
  return domains.length > 0 ? domains : signInDomains;
}

function readKey(settings: Settings): ServiceAccountKey | null {
  const text = settings.secret('GOOGLE_DIRECTORY_KEY');
  if (text === null) return null;
  const key = parseServiceAccountKey(text);
  if (key === null) {
    settings.problem(
      'GOOGLE_DIRECTORY_KEY_FILE is not the JSON key file of a service account, whole and as Google gave it',
    );
  }
  return key;
}

/** @param text the JSON key file, as Google gave it. @returns `null` for anything else */
export function parseServiceAccountKey(text: string): ServiceAccountKey | null {
  const { client_email, private_key, private_key_id: id } = parseFields(text);
  if (typeof client_email !== 'string' || !isPrivateKey(private_key)) return null;
  return { client_email, private_key, private_key_id: typeof id === 'string' ? id : null };
}

/** Found out now: later it would look as if Google did not answer. */
function isPrivateKey(text: unknown): text is string {
  try {
    return typeof text === 'string' && createPrivateKey(text).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}
