/** Owns the lines of a stream that a command reads. */
import { StringDecoder } from 'node:string_decoder';

/**
 * As many at a time as have come. They end in "\n" alone: U+2028 and other line ends can be within JSON.
 * @param input UTF-8
 */
export async function* readLines(input: AsyncIterable<Buffer | string>): AsyncGenerator<string[]> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk))).split('\n');
    rest = lines.pop() ?? '';
    yield lines;
  }
  yield [rest + decoder.end()];
}
