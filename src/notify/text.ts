/** Owns how texts that strangers chose are put into a message: names, reasons, repositories, user agents are data in every channel. */
import { minuteOf } from '../lib/time.ts';

const maximumLength = 200;
/** Control characters, line and paragraph separators, and what is invisible or turns the direction of the rest around. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu;
const rightToLeft = /\p{Script=Hebrew}|\p{Script=Arabic}|\p{Script=Syriac}|\p{Script=Thaana}|\p{Script=Nko}/u;

/** One line of plain text; what is written from right to left leaves the text around it alone (Unicode UAX 9, isolates). */
export function plain(text: string): string {
  const line = text.toWellFormed().replaceAll(unsafe, ' ').trim();
  const short = line.length > maximumLength ? `${line.slice(0, maximumLength).toWellFormed()}…` : line;
  return rightToLeft.test(short) ? `\u2068${short}\u2069` : short;
}

/** “laptop” */
export function quoted(text: string): string {
  return `“${plain(text)}”`;
}

const most = 10;

/** Names as a list: “a”, “b” and 3 more. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, most).map(quoted);
  const rest = names.length - shown.length;
  if (rest > 0) return `${shown.join(', ')} and ${rest} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) ?? ''}`;
}

/** "2026-12-03 14:05 UTC" */
export function timeText(at: number): string {
  return `${minuteOf(at)} UTC`;
}

/** For HTML, in text and in attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Where mail programs and chats see an address: `https://`, `evil.com`, `ana@`, `\\server`; full stops of other scripts too. */
const addressMark = /:(?=\/\/)|[.\u3002\uff0e\uff61](?=\p{L})|@(?=[\p{L}\p{N}])|\\(?=\\)/gu;

/** No link and no mention comes of what a stranger wrote: a word joiner, which no one sees, breaks each. */
export function withoutLinks(text: string): string {
  return text.replaceAll(addressMark, '$&\u2060');
}

/** For a text of Slack. */
export function escapeSlack(text: string): string {
  return withoutLinks(text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'));
}
