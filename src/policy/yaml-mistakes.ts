/** Owns the words for mistakes in YAML itself: what is wrong, and what to write instead. */

/** By the parser's code; its own words are about its grammar. */
const mistakes: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias (*name) takes no anchor or tag: remove what comes before it',
  BAD_ALIAS: 'an alias (*name) has no name that YAML allows: put a text that begins with * in quotes',
  BAD_COLLECTION_TYPE: 'the tag does not fit a list or a map: remove it',
  BAD_DIRECTIVE: 'a line that begins with % is an instruction for YAML, and this one is unknown: remove it',
  BAD_DQ_ESCAPE: 'an escape after \\ in double quotes is unknown: write \\\\, or use single quotes',
  BAD_INDENT: 'the indentation is wrong: entries of one list or map begin in the same column, with spaces',
  BAD_PROP_ORDER: 'an anchor or tag is in the wrong place: write it after the "-" or "key:", before the value',
  BAD_SCALAR_START: 'a value begins with a character that YAML reserves (@ or `): put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'two "key:" are on one line: begin a new line after the first, or put the value in quotes',
  BLOCK_IN_FLOW: 'a list or map with its own lines is inside of [ ] or { }: write it inside of brackets too',
  KEY_OVER_1024_CHARS: 'a key is longer than 1,024 characters: a closing quote is probably missing',
  MISSING_CHAR: 'something is missing: a closing quote, a closing ] or }, a comma, a ":" or a space after it',
  MULTILINE_IMPLICIT_KEY: 'a key goes over several lines: a ":" or a closing quote is probably missing',
  MULTIPLE_ANCHORS: 'a value has two anchors (&name): keep one',
  MULTIPLE_TAGS: 'a value has two tags (!name): keep one',
  TAB_AS_INDENT: 'a tab indents this line: use spaces',
  UNEXPECTED_TOKEN: 'this does not belong here: a quote, a bracket or an indentation before it is probably wrong',
};

/** @returns what to do about an IPv6 address that ends in a colon, if the text begins with one, else `null` */
export function bareAddress(text: string): string | null {
  const [address] = /^[\da-f]*(?::[\da-f]*)+:(?=[\s,\]}]|$)/i.exec(text) ?? [];
  return address === undefined ? null : `the address ${address} ends in a ":", as a key does: put it in quotes`;
}

/** @param message of the parser, for codes whose words name what is wrong */
export function yamlMistake(code: string, message: string): string {
  return mistakes[code] ?? message;
}
