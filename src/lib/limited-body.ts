/** Owns reading the body of an answer: all of it, within a limit. */

/**
 * @param body as fetch has it: `null` for none
 * @param what is read, for the error: "the answer"
 * @throws {Error} for a longer one, which is not read to its end; what the stream throws where the connection breaks
 */
export async function readLimited(
  body: AsyncIterable<Uint8Array> | null,
  maximumBytes: number,
  what: string,
): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > maximumBytes) throw new Error(`${what} is longer than ${maximumBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
