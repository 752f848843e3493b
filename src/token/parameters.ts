/** Owns the reading of the parameters of a request, in its body and its address, within limits. */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../lib/errors.ts';
import { scopeLimits } from '../scope.ts';

/** Bytes. A password of 16 KB, each byte percent-encoded, and a thousand scopes stay below it. */
const maximumBody = 128 * 1_024;
/** A scope each, and the few others. */
const maximumParameters = scopeLimits.scopes + 50;
const formType = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/**
 * The fields of the body; none where it is empty.
 * @throws {Refusal} `too_large`, or `bad_request` if it isn't a form or doesn't arrive
 */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const body = await readBody(request);
  if (body.length > 0 && !formType.test(request.headers['content-type'] ?? '')) {
    throw new Refusal('bad_request', 'Send the body as application/x-www-form-urlencoded.');
  }
  return parseParameters(body.toString());
}

/**
 * The parameters of the address. The realm can have a query of its own, so a POST has one too.
 * @param target of the request: "/auth?service=..."
 * @throws {Refusal} `bad_request`
 */
export function readQuery(target: string): URLSearchParams {
  const start = target.indexOf('?');
  return parseParameters(start < 0 ? '' : target.slice(start + 1));
}

/** Counted before they are parsed: 128 KB of short ones would cost fifty times as much as a request does. */
function parseParameters(text: string): URLSearchParams {
  let count = 1;
  for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', at + 1)) count += 1;
  if (count <= maximumParameters) return new URLSearchParams(text);
  throw new Refusal(
    'bad_request',
    `The request has more than ${maximumParameters} parameters. Ask for fewer at a time.`,
  );
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  // Don't wait for a body whose own length says that it will be refused.
  if (Number(request.headers['content-length']) > maximumBody) throw tooLarge(request);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // Destroying the request would take the connection with it before the 413 is out.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += chunk.length;
      if (size > maximumBody) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new Refusal('bad_request', 'The body of the request did not arrive.', { cause });
  }
  if (size > maximumBody) throw tooLarge(request);
  return Buffer.concat(chunks);
}

/** What is still under way is thrown away; the server's time limit for a request bounds it. */
function tooLarge(request: IncomingMessage): Refusal {
  request.resume();
  return new Refusal('too_large', `The body is larger than ${maximumBody / 1_024} KB.`);
}
