/** Owns reading a file of which nothing is known: it can be a disk image by mistake, or a device that never ends. */
import { createReadStream } from 'node:fs';
import { Refusal } from './errors.ts';

/** Bytes. */
export const megabyte = 1024 * 1024;

/**
 * The whole file; a pipe such as `<(...)` is fine.
 * @param maximum bytes
 * @throws {Refusal} `too_large`; other errors are those of the file system
 */
export async function readAtMost(file: string, maximum: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of createReadStream(file)) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    length += bytes.length;
    if (length > maximum) {
      throw new Refusal('too_large', `${file} is larger than ${maximum / megabyte} MB: name another file.`);
    }
  }
  return Buffer.concat(chunks);
}
