/** Owns reading the bytes of a file as text: bytes that aren't UTF-8 are reported with their place, not read as other characters. */
import { isUtf8 } from 'node:buffer';
import { PolicyError } from './acl.ts';
import type { Place } from './reader.ts';

/**
 * A name in another encoding would be read as one that no one has, and its rule would match no one, or fail to deny someone.
 * @throws {PolicyError}
 */
export function decodeUtf8(bytes: Buffer, fileName: string): string {
  if (isUtf8(bytes)) return bytes.toString();
  const isUtf16 = bytes[0] === 0xff || bytes[0] === 0xfe;
  const what = isUtf16 ? 'the file is UTF-16' : "from here on it isn't UTF-8";
  throw new PolicyError(fileName, [
    { ...firstOdd(bytes), severity: 'error', message: `${what}; save the file as UTF-8` },
  ]);
}

/** A line break is never part of a longer character, so each line can be judged alone. */
function firstOdd(bytes: Buffer): Place {
  let [line, start] = [1, 0];
  for (
    let end = bytes.indexOf('\n');
    end >= 0 && isUtf8(bytes.subarray(start, end));
    end = bytes.indexOf('\n', start)
  ) {
    line += 1;
    start = end + 1;
  }
  return { line, column: bytes.subarray(start).toString().indexOf('\ufffd') + 1 };
}
