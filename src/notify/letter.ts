/** Owns the text of a mail: what it says under which heading, as plain text and as HTML that says the same. */
import { escapeHtml, withoutLinks } from './text.ts';

/** One thing that a mail says. Every text is plain: what strangers chose went through `plain`, and no link comes of it. */
export type Line = {
  /** Lines of one heading are together. */
  readonly heading: string;
  /** What the mail is called where this is all it says. */
  readonly title: string;
  readonly text: string;
  /** A path below the public URL, of a page that shows it; opening it changes nothing. */
  readonly path: string;
  /** Of two lines with the same, the later counts. */
  readonly about: string;
};

export type Letter = { readonly subject: string; readonly text: string; readonly html: string };

export type LetterParts = {
  /** Without a slash at the end. */
  readonly publicUrl: string;
  /** Why the reader gets this, and what they can do about it. */
  readonly footer: readonly string[];
  /** Whom readers ask; `null`: no one is named. */
  readonly contact: string | null;
};

type Section = { readonly heading: string; readonly lines: readonly Line[]; readonly url: string };

/** Lines that one section shows; the page behind its link has all. */
const maximumLines = 50;

/** @param lines at least one */
export function writeLetter(lines: readonly Line[], parts: LetterParts): Letter {
  const told = [...new Map(lines.map((line) => [line.about, line])).values()];
  const sections = [...Map.groupBy(told, ({ heading }) => heading)].map(([heading, of]) => ({
    heading,
    lines: of,
    url: parts.publicUrl + (of[0]?.path ?? '/'),
  }));
  const footer = [...parts.footer, ...(parts.contact === null ? [] : [`Questions? Ask ${parts.contact}.`])];
  return { subject: subjectOf(told), text: textOf(sections, footer), html: htmlOf(sections, footer) };
}

function subjectOf(lines: readonly Line[]): string {
  const [first, ...others] = lines;
  const title = first?.title ?? '';
  return `Dockpass: ${title}${others.length === 0 ? '' : `, and ${others.length} more`}`;
}

function restOf({ lines }: Section): string[] {
  return lines.length > maximumLines ? [`${lines.length - maximumLines} more are on the page.`] : [];
}

function textOf(sections: readonly Section[], footer: readonly string[]): string {
  const parts = sections.map((section) =>
    [
      section.heading,
      '',
      ...section.lines.slice(0, maximumLines).map(({ text }) => `- ${withoutLinks(text)}`),
      ...restOf(section),
      '',
      section.url,
    ].join('\n'),
  );
  const foot = footer.length === 0 ? [] : [['-- ', ...footer].join('\n')];
  return `${[...parts, ...foot].join('\n\n')}\n`;
}

function htmlOf(sections: readonly Section[], footer: readonly string[]): string {
  const parts = sections.flatMap((section) => [
    `<h2>${escapeHtml(section.heading)}</h2>`,
    '<ul>',
    ...section.lines.slice(0, maximumLines).map(({ text }) => `<li>${escapeHtml(withoutLinks(text))}</li>`),
    '</ul>',
    ...restOf(section).map((text) => `<p>${escapeHtml(text)}</p>`),
    `<p><a href="${escapeHtml(section.url)}">${escapeHtml(section.url)}</a></p>`,
  ]);
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><title>Dockpass</title>',
    // iOS would make links of numbers, dates and addresses, too.
    '<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no"></head><body>',
    ...parts,
    ...(footer.length === 0 ? [] : ['<hr>']),
    ...footer.map((text) => `<p>${escapeHtml(text)}</p>`),
    '</body></html>',
    '',
  ].join('\n');
}
