/** Owns reading a file of which nothing is known: it can be a disk image by mistake, or a device that never ends. */
import { createReadStream } from 'node:fs';
import { Refusal } from './errors.ts';
import { collect } from './limited-body.ts';

/** Bytes. */
export const megabyte = 1024 * 1024;

/**
 * The whole file; a pipe such as `<(...)` is fine.
 * @param maximum bytes
 * @throws {Refusal} `too_large`; other errors are those of the file system
 */
export function readAtMost(file: string, maximum: number): Promise<Buffer> {
  const message = `${file} is larger than ${maximum / megabyte} MB: name another file.`;
  return collect(createReadStream(file), maximum, () => new Refusal('too_large', message));
}
