/** Owns reading a file that someone named to a command. */
import { errorCode, Refusal } from '../lib/errors.ts';
import { megabyte, readAtMost } from '../lib/read-at-most.ts';

/** More than any configuration, token or key that is read as a whole. */
const maximum = 64 * megabyte;

/** Of UTF-8. @throws {Refusal} where it can't be read or is too large */
export async function readTextFile(file: string): Promise<string> {
  const bytes = await readAtMost(file, maximum).catch((cause: unknown) => {
    if (cause instanceof Refusal) throw cause;
    const why = errorCode(cause) === 'EISDIR' ? ': it is a folder' : '';
    throw new Refusal('bad_request', `${file} cannot be read${why} (${errorCode(cause)}).`);
  });
  return bytes.toString();
}
