/** Owns reading bytes to their end within a limit, such as the body of an answer. */

/**
 * @param body as fetch has it: `null` for none
 * @param what is read, for the error: "the answer"
 * @throws {Error} for a longer one, which is not read to its end; what the stream throws where the connection breaks
 */
export function readLimited(
  body: AsyncIterable<Uint8Array> | null,
  maximumBytes: number,
  what: string,
): Promise<Buffer<ArrayBuffer>> {
  return collect(body ?? [], maximumBytes, () => new Error(`${what} is longer than ${maximumBytes} bytes`));
}

/** @param tooLong makes the error for more than the maximum, which is not read to its end */
export async function collect(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maximumBytes: number,
  tooLong: () => Error,
): Promise<Buffer<ArrayBuffer>> {
  const collected: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maximumBytes) throw tooLong();
    collected.push(chunk);
  }
  return Buffer.concat(collected);
}
