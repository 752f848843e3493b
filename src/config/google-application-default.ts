/** Owns how the file of Google's application default credentials is read, in the forms that a server meets. */

import { readFileSync } from 'node:fs';
import { errorCode } from '../lib/errors.ts';
import { fieldsIn, parseFields } from '../lib/json.ts';
import { isLoopback, type Settings } from './settings.ts';

export type ApplicationDefault = AuthorizedUser | ExternalAccount;

type AuthorizedUser = { readonly client_id: string; readonly client_secret: string; readonly refresh_token: string };

type ExternalAccount = {
  readonly audience: string;
  readonly subjectTokenType: string;
  readonly tokenUrl: string;
  readonly impersonationUrl: string | null;
  readonly source: { readonly file: string } | { readonly url: string; readonly headers: Record<string, string> };
  readonly field: string | null;
};

type Json = Readonly<Record<string, unknown>>;

/** The variable that all of Google's tools read. */
const setting = 'GOOGLE_APPLICATION_CREDENTIALS';

/** `null` where the metadata server has the credentials. */
export function readApplicationDefault(settings: Settings): ApplicationDefault | null {
  const file = settings.optionalPath(setting);
  if (file === null) return null;
  const refuse = (problem: string): null => {
    settings.problem(`${setting}: ${file} ${problem}`);
    return null;
  };
  try {
    const told = parseFields(readFileSync(file, 'utf8'));
    const found = told['type'] === 'external_account' ? readExternalAccount(told) : readOther(told);
    return typeof found === 'string' ? refuse(found) : found;
  } catch (error) {
    return refuse(`cannot be read (${errorCode(error)})`);
  }
}

/** @returns what is wrong with it, as text */
function readOther({ type, client_id, client_secret, refresh_token }: Json): AuthorizedUser | string {
  if (type === 'service_account') return "is a service account's key: name it in GOOGLE_DIRECTORY_KEY_FILE";
  if (type === 'impersonated_service_account') {
    return 'speaks for a service account: name that in GOOGLE_DIRECTORY_SERVICE_ACCOUNT, and here the credentials that can speak for it';
  }
  if (type !== 'authorized_user') return `is of type "${String(type)}". Taken are external_account and authorized_user`;
  if (![client_id, client_secret, refresh_token].every((value) => typeof value === 'string')) return 'is not whole';
  return { client_id: String(client_id), client_secret: String(client_secret), refresh_token: String(refresh_token) };
}

/** google.aip.dev/auth/4117. */
function readExternalAccount(told: Json): ExternalAccount | string {
  const { audience, subject_token_type: subjectTokenType, token_url: tokenUrl } = told;
  const { service_account_impersonation_url: impersonationUrl = null } = told;
  const source = fieldsIn(told['credential_source']);
  const { file, url, headers, format } = source;
  if (typeof audience !== 'string' || typeof subjectTokenType !== 'string') return 'names no audience or token type';
  if (!isSafe(tokenUrl)) return 'has no token_url with https';
  if (impersonationUrl !== null && !isSafe(impersonationUrl)) return 'has no impersonation URL with https';
  const { type = 'text', subject_token_field_name: field } = fieldsIn(format);
  if (type !== 'text' && (type !== 'json' || typeof field !== 'string'))
    return 'has a credential_source of unknown format';
  const account = {
    audience,
    subjectTokenType,
    tokenUrl,
    impersonationUrl,
    field: type === 'json' ? String(field) : null,
  };
  if (typeof file === 'string') return { ...account, source: { file } };
  // AWS has a URL, too, and wants a signature.
  if (typeof url === 'string' && URL.canParse(url) && !('environment_id' in source)) {
    return { ...account, source: { url, headers: textsOf(headers) } };
  }
  return 'has a credential_source that is neither a file nor a URL. AWS, programs and certificates are not taken: on EKS name the file of a projected service account token';
}

/** What crosses the network is a token. */
function isSafe(url: unknown): url is string {
  const parsed = typeof url === 'string' ? URL.parse(url) : null;
  return parsed !== null && (parsed.protocol === 'https:' || isLoopback(parsed));
}

function textsOf(headers: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(fieldsIn(headers)).map(([name, value]) => [name, String(value)]));
}
