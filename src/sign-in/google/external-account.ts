/** Owns workload identity federation: the token of another cloud or a cluster, exchanged for one of Google's (google.aip.dev/auth/4117). */

import { readFile } from 'node:fs/promises';
import { fieldsIn } from '../../lib/json.ts';
import type { Fetch } from '../provider-fetch.ts';
import { cloudPlatform } from './scopes.ts';
import { GoogleFault, post, readIamToken, readToken, type Token, textOf } from './token-answer.ts';

/** What `gcloud iam workload-identity-pools create-cred-config` writes, of the kinds that need no program or signature of ours. */
export type ExternalAccount = {
  readonly audience: string;
  readonly subjectTokenType: string;
  /** Of Google's Security Token Service. */
  readonly tokenUrl: string;
  /** In whose name Google's tokens are asked for: `…/serviceAccounts/NAME:generateAccessToken`; `null`: in the workload's own. */
  readonly impersonationUrl: string | null;
  /** Where the other side's token is: a file that is kept fresh, or a server on this machine. */
  readonly source: { readonly file: string } | { readonly url: string; readonly headers: Record<string, string> };
  /** Of the JSON that the source has; `null`: it is the token itself. */
  readonly field: string | null;
};

/** @returns what gives a token for these scopes */
export function createExternalAccount(
  account: ExternalAccount,
  { call, now }: { readonly call: Fetch; readonly now: () => number },
): (scopes: readonly string[]) => Promise<Token> {
  const { audience, subjectTokenType, tokenUrl, impersonationUrl } = account;
  /** RFC 8693, section 2.1. */
  const exchange = async (scopes: readonly string[]): Promise<Token> => {
    const form = new URLSearchParams({
      ...{ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', audience, scope: scopes.join(' ') },
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      ...{ subject_token: await readSubjectToken(account, call), subject_token_type: subjectTokenType },
    });
    return readToken(await post(call, tokenUrl, form), now);
  };
  if (impersonationUrl === null) return exchange;
  return async (scopes) => {
    const { value } = await exchange([cloudPlatform]);
    const headers = { authorization: `Bearer ${value}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ scope: scopes, lifetime: '3600s' });
    return readIamToken(await post(call, impersonationUrl, body, headers));
  };
}

/** Read each time: the tokens of clusters and clouds live for an hour or less. */
async function readSubjectToken({ source, field }: ExternalAccount, call: Fetch): Promise<string> {
  const place = 'file' in source ? source.file : new URL(source.url).host;
  const text = 'file' in source ? await readFile(source.file, 'utf8') : await readUrl(source, call);
  if (field === null) return textOf(text.trim());
  const value = valueAt(text, field);
  if (value === null) throw new GoogleFault(`${place} has no token in "${field}"`);
  return value;
}

async function readUrl({ url, headers }: { url: string; headers: Record<string, string> }, call: Fetch) {
  const response = await call(url, { headers });
  if (!response.ok) throw new GoogleFault(`${new URL(url).host} answered ${response.status} and gave no token`);
  return response.text();
}

/** An unreadable answer isn't quoted: it can contain the token. */
function valueAt(text: string, field: string): string | null {
  try {
    const value = fieldsIn(JSON.parse(text))[field];
    return typeof value === 'string' && value !== '' ? value : null;
  } catch {
    return null;
  }
}
