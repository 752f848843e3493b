/** Owns the reading of a form body, which may be as large as a password is and no larger. */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../lib/errors.ts';

/** Bytes. A password of 16 KB, each byte percent-encoded, and a hundred scopes with long names stay below it. */
const maximumBody = 256 * 1024;
const formType = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/**
 * The fields of the body; none where it is empty.
 * @throws {Refusal} `too_large`, or `bad_request` where it is no form or does not arrive
 */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const body = await readBody(request);
  if (body.length > 0 && !formType.test(request.headers['content-type'] ?? '')) {
    throw new Refusal('bad_request', 'Send the body as application/x-www-form-urlencoded.');
  }
  return new URLSearchParams(body.toString());
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  // Nobody waits for a body that says itself that it will be refused.
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
  return new Refusal('too_large', `The body is larger than ${maximumBody / 1024} KB.`);
}
