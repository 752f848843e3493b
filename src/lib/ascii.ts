/** Owns whether a text is only ASCII, where a character is a byte and looks like itself. */

export function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: "is it all ASCII" is the question
  return /^[\x00-\x7f]*$/.test(text);
}
