/** Owns what an operator reads of a provider's error: what was expected, what came, and the provider's own words. */

import { errorCode } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { quoted } from './token-error.ts';

/** @returns the causes of an error in one line, the outermost first */
export function describeProviderError(error: unknown): string {
  const parts: string[] = [];
  for (let cause: unknown = error; cause !== undefined && cause !== null && parts.length < 6; cause = causeOf(cause)) {
    const part = partOf(cause);
    if (part !== '' && !parts.includes(part)) parts.push(part);
  }
  return parts.join(' <- ');
}

function causeOf(cause: unknown): unknown {
  return cause instanceof Error ? cause.cause : undefined;
}

function partOf(cause: unknown): string {
  if (cause instanceof Response) return `the answer has status ${cause.status}`;
  if (!(cause instanceof Error)) return comparison(fieldsIn(cause));
  const code = errorCode(cause);
  const { error, error_description: description } = fieldsIn(cause);
  const said = [error, description].filter((text) => typeof text === 'string').map(asJson);
  return [cause.message, ...(code === '' ? [] : [code]), ...said].join(' ');
}

/** @param kept what openid-client keeps of a value that isn't the expected one */
function comparison(kept: Readonly<Record<string, unknown>>): string {
  const { expected, claims, claim, body, attribute, header, now, tolerance } = kept;
  if (claim === 'nonce') return ''; // whose value only the provider and this browser should know
  const name = claim ?? attribute ?? (header === undefined ? null : 'alg');
  if (typeof name !== 'string') return '';
  const values = claims ?? body ?? header;
  const value = fieldsIn(values)[name];
  const actual = `${name} is ${asJson(value)}`;
  if (typeof now === 'number') {
    return `${actual} (${timeOf(value)}), this machine's clock says ${timeOf(now)}, leeway ${String(tolerance)} s`;
  }
  return expected === undefined && values === undefined ? '' : `${actual}, expected ${asJson(expected)}`;
}

function timeOf(seconds: unknown): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? 'no time' : date.toISOString();
}

/** Whatever the provider wrote ends up in the log, and in nothing that obeys it. */
function asJson(value: unknown): string {
  return quoted(JSON.stringify(value) ?? 'missing');
}

/** Errors of a connection that come back at each try: a certificate, a name that isn't there. */
const lasting = /^(ENOTFOUND|CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|UNABLE_TO_|ERR_SSL_)/;

/** The code of such an error; `null` for others. */
export function lastingFault(error: unknown): string | null {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const code = errorCode(cause);
    if (lasting.test(code)) return code;
  }
  return null;
}
