/** Owns the registration of the address for Google's security events (developers.google.com/identity/protocols/risc). */

import { importPKCS8, SignJWT } from 'jose';
import { fieldsIn } from '../../lib/json.ts';
import { type Fetch, isNoAnswer, limitFetch, noAnswerReason } from '../provider-fetch.ts';
import type { ServiceAccountKey } from './credentials.ts';
import { riscEvents } from './risc.ts';
import { nameHost } from './token-answer.ts';

export type EventStream = {
  /** Asks Google to send the events that Dockpass acts on to this address. @throws {EventStreamError} */
  register(receiver: string): Promise<void>;
  /** @returns what Google has registered, as it describes it. @throws {EventStreamError} */
  read(): Promise<Readonly<Record<string, unknown>>>;
  /** Makes Google send a test event that contains `state`. @throws {EventStreamError} */
  verify(state: string): Promise<void>;
};

/** Google refuses, or doesn't answer; the message says what to do. */
export class EventStreamError extends Error {
  override readonly name = 'EventStreamError';
}

export type EventStreamParts = {
  /** Without a slash at the end: https://risc.googleapis.com */
  readonly url: string;
  readonly key: ServiceAccountKey;
  readonly fetch: Fetch;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** The service whose name the token carries; it's no address that is called. */
const audience = 'https://risc.googleapis.com/google.identity.risc.v1beta.RiscManagementService';
/** Seconds. */
const lifetime = 3_600;
const push = 'https://schemas.openid.net/secevent/risc/delivery-method/push';

export function createEventStream({ url, key, fetch, now }: EventStreamParts): EventStream {
  const call = nameHost(limitFetch(fetch));
  const ask = async (method: string, path: string, body?: object): Promise<Readonly<Record<string, unknown>>> => {
    const headers = { authorization: `Bearer ${await sign(key, now())}`, 'content-type': 'application/json' };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await call(`${url}/v1beta/${path}`, init).catch((error: unknown) => {
      if (!isNoAnswer(error)) throw error;
      throw new EventStreamError(`${noAnswerReason(error) ?? 'Google did not answer'}.`, { cause: error });
    });
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok) throw refusal(response.status, answer);
    return typeof answer === 'object' && answer !== null ? Object.fromEntries(Object.entries(answer)) : {};
  };
  return {
    async register(receiver) {
      const delivery = { delivery_method: push, url: receiver };
      await ask('POST', 'stream:update', { delivery, events_requested: riscEvents });
    },
    read: () => ask('GET', 'stream'),
    async verify(state) {
      await ask('POST', 'stream:verify', { state });
    },
  };
}

/** Not an OAuth token: a JWT that the service account's own key signs. */
async function sign({ client_email: account, private_key, private_key_id }: ServiceAccountKey, now: number) {
  const iat = Math.floor(now / 1000);
  return new SignJWT({ iss: account, sub: account, aud: audience, iat, exp: iat + lifetime })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(private_key_id !== null && { kid: private_key_id }) })
    .sign(await importPKCS8(private_key, 'RS256'));
}

const remedies: Readonly<Record<number, string>> = {
  401: "The key was deleted, or this machine's clock is wrong.",
  403: 'Enable the RISC API, give the service account the role "RISC Configuration Admin", and use a service account of the project that has the OAuth client.',
  404: 'Nothing is registered yet: run "dockpass google-events register" first.',
};

function refusal(status: number, answer: unknown): EventStreamError {
  const { message } = fieldsIn(fieldsIn(answer)['error']);
  const said = typeof message === 'string' ? `: ${message.slice(0, 200)}` : '';
  const remedy = remedies[status];
  return new EventStreamError(`Google answered ${status}${said}.${remedy === undefined ? '' : ` ${remedy}`}`);
}
