/** Owns what of a file is text for people: strings of the code that are sentences, what pages show, prose of the docs. */

export type Text = { readonly line: number; readonly text: string };

export function textsIn(file: string, content: string): Text[] {
  if (file.endsWith('.ts')) return stringsIn(content);
  if (file.endsWith('.eta')) return shownBy(content);
  return file.endsWith('.md') ? proseOf(content) : linesOf(content);
}

const linesOf = (content: string): Text[] => content.split('\n').map((text, index) => ({ line: index + 1, text }));

/** Without code; of a block of code only its comments. */
function proseOf(content: string): Text[] {
  let isCode = false;
  return linesOf(content).flatMap(({ line, text }) => {
    if (/^\s*```/.test(text)) {
      isCode = !isCode;
      return [];
    }
    if (!isCode) return { line, text: text.replaceAll(/`[^`]+`/g, ' ') };
    const [, comment] = /(?:^|\s)#(.*)$|\bcomment: (.*)$/.exec(text) ?? [];
    return comment === undefined ? [] : { line, text: comment };
  });
}

/** What is between tags, without what the template computes; its own strings are texts, too. */
function shownBy(content: string): Text[] {
  const plain = content
    .replaceAll(/<%[\s\S]*?%>/g, (code) => `\u0000${keepLines(code)}`)
    .replaceAll(/<[a-z/!][^>]*>/gi, (tag) => `\u0000${keepLines(tag)}`);
  const shown = linesOf(plain).flatMap(({ line, text }) =>
    text.split('\u0000').flatMap((part) => (part.trim() === '' ? [] : { line, text: part })),
  );
  const code = content.replaceAll(/(?<=%>|^)[\s\S]*?(?=<%|$)/g, keepLines).replaceAll(/<%[_-]?[=~]?|[_-]?%>/g, '');
  return [...shown, ...stringsIn(code)];
}

const keepLines = (text: string): string => text.replaceAll(/[^\n]/g, '');

/**
 * Strings with a space: others are names. Comments and regular expressions are none. One walk over the tokens, because a
 * template can hold code that holds strings.
 */
function stringsIn(content: string): Text[] {
  const found: Text[] = [];
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`|[{}]|\/(?![/*])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
  /** For each open brace: whether it belongs to a template, whose text continues after it. */
  const braces: boolean[] = [];
  let position = 0;
  let before = '';
  const add = (start: number, text: string): void => {
    if (/\S\s|\s\S/.test(text)) found.push({ line: content.slice(0, start).split('\n').length, text });
  };
  const readTemplate = (): void => {
    const [text = ''] = /^(?:[^`\\$]|\\.|\$(?!\{))*/s.exec(content.slice(position)) ?? [];
    add(position, text);
    position += text.length;
    if (content.startsWith('${', position)) {
      braces.push(true);
      position += 2;
    } else position += 1;
  };
  while (position < content.length) {
    token.lastIndex = position;
    const [matched] = token.exec(content) ?? [];
    const isDivision = matched?.startsWith('/') === true && !/^\/[/*]/.test(matched) && /[\w)\]]/.test(before);
    if (matched === undefined || isDivision) {
      const character = content[position] ?? '';
      if (!/\s/.test(character)) before = character;
      position += 1;
      continue;
    }
    position += matched.length;
    if (/^\/[/*]/.test(matched)) continue;
    before = matched.at(-1) ?? '';
    if (/^['"]/.test(matched)) add(position - matched.length, matched.slice(1, -1));
    else if (matched === '`') readTemplate();
    else if (matched === '{') braces.push(false);
    else if (matched === '}' && braces.pop() === true) readTemplate();
  }
  return found;
}
