/** Owns the two addresses at which providers report unasked: back-channel logout, and Google's security events. */

import type { IncomingMessage } from 'node:http';
import express, { type Request, type RequestHandler } from 'express';
import type { Requester } from '../identity/requester.ts';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import type { Log } from '../lib/log.ts';
import type { Connector } from '../sign-in/connector.ts';
import type { ProviderMessage, ReadMessage } from '../sign-in/signed-message.ts';

export type ProviderMessageParts = {
  readonly connectors: readonly Pick<Connector, 'name' | 'readLogout'>[];
  /** `null` where Google's events are not enabled. */
  readonly readGoogleEvent: ReadMessage | null;
  readonly act: (provider: string, message: ProviderMessage, client: Requester) => Promise<void>;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  readonly log: Log;
};

export type ProviderMessages = {
  /** POST /sign-in/:provider/back-channel-logout, with the parser of its form */
  readonly logout: RequestHandler<{ provider: string }>[];
  /** POST /google-events, with the parser of its body */
  readonly googleEvent: RequestHandler[];
};

const limit = '64kb';
const readForm = express.urlencoded({ extended: false, limit });
/** Google's documentation names no content type, and RFC 8935 another one than some senders use. */
const readToken = express.raw({ type: () => true, limit });

export function createProviderMessages(parts: ProviderMessageParts): ProviderMessages {
  return {
    logout: [
      readForm,
      async (request, response) => {
        const connector = parts.connectors.find(({ name }) => name === request.params.provider);
        const token = fieldsIn(request.body)['logout_token'];
        const problem = await receive(parts, connector?.name ?? '', connector?.readLogout ?? null, token, request);
        // OpenID Connect Back-Channel Logout 1.0, section 2.8.
        response.set('Cache-Control', 'no-store');
        if (problem === null) response.status(200).end();
        else response.status(400).json({ error: 'invalid_request', error_description: problem });
      },
    ],
    googleEvent: [
      readToken,
      async (request, response) => {
        const token = Buffer.isBuffer(request.body) ? request.body.toString('utf8').trim() : '';
        const problem = await receive(parts, 'google', parts.readGoogleEvent, token, request);
        // RFC 8935, sections 2.2 and 2.3.
        if (problem === null) response.status(202).end();
        else response.status(400).json({ err: 'invalid_request', description: problem });
      },
    ],
  };
}

/** @returns what is wrong with the message, or `null` */
async function receive(
  { act, requesterOf, log }: ProviderMessageParts,
  provider: string,
  read: ReadMessage | null,
  token: unknown,
  request: Request<{ provider: string }> | Request,
): Promise<string | null> {
  if (read === null) throw new Refusal('not_found', 'No provider reports here. Its settings switch that on.');
  const client = requesterOf(request);
  const refuse = (reason: string): string => {
    log.warn({ requestId: client.requestId, provider, reason }, 'message of a provider refused');
    return reason;
  };
  if (typeof token !== 'string' || token === '') return refuse('there is no token');
  let message: ProviderMessage;
  try {
    message = await read(token);
  } catch (error) {
    if (!(error instanceof Error && error.name === 'MessageError')) {
      throw new Refusal('unavailable', 'The message could not be verified just now.', { cause: error, retryAfter: 60 });
    }
    return refuse(errorMessage(error));
  }
  await act(provider, message, client);
  const events = message.events.map(({ kind, reason }) => `${reason}: ${kind}`);
  log.info({ requestId: client.requestId, provider, events }, 'message of a provider');
  return null;
}
