/** Owns reading a file that someone named to a command, or its standard input. */
import { errorCode, Refusal } from '../lib/errors.ts';
import { collect } from '../lib/limited-body.ts';
import { megabyte, readAtMost } from '../lib/read-at-most.ts';
import { decodeUtf8 } from '../policy/encoding.ts';

/** More than any configuration, token or key that is read as a whole. */
const maximum = 64 * megabyte;

/** Of UTF-8. @throws {Refusal} where it can't be read or is too large. @throws {PolicyError} with the place of what isn't UTF-8 */
export async function readTextFile(file: string): Promise<string> {
  const bytes = await readAtMost(file, maximum).catch((cause: unknown) => {
    if (cause instanceof Refusal) throw cause;
    const why = errorCode(cause) === 'EISDIR' ? ': it is a folder' : '';
    throw new Refusal('bad_request', `${file} cannot be read${why} (${errorCode(cause)}).`);
  });
  return decodeUtf8(bytes, file);
}

/** Standard input to its end, of UTF-8. @throws {Refusal} `too_large`. @throws {PolicyError} with the place of what isn't UTF-8 */
export async function readInput(input: AsyncIterable<Buffer | string>): Promise<string> {
  const message = `Standard input is larger than ${maximum / megabyte} MB.`;
  const bytes = await collect(bytesOf(input), maximum, () => new Refusal('too_large', message));
  return decodeUtf8(bytes, 'standard input');
}

async function* bytesOf(input: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  for await (const chunk of input) yield Buffer.from(chunk);
}
