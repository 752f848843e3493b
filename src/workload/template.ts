/** Owns texts that take values from claims: `ci:github:${claims:repository}`. */
import { type Claims, textOf } from './claims.ts';

export type Template = {
  readonly written: string;
  /** The claims whose values go in. */
  readonly claims: readonly string[];
};

/** What a value can consist of: nothing that means something in a pattern, ends a user name or hides in a log. */
const plainValue = /^[A-Za-z0-9._/@-]+$/;
/** Characters: as many as a repository's name can have, and more than a name in Kubernetes (253). */
const maximumLength = 255;
const placeholder = /\$\{claims:([^}]+)\}/g;

/** `null` where a `${` stands for nothing that is known. */
export function parseTemplate(written: string): Template | null {
  if (written.replaceAll(placeholder, '').includes('${')) return null;
  return { written, claims: [...written.matchAll(placeholder)].map(([, name = '']) => name) };
}

/** Of a text that isn't anyone's input. @throws {TypeError} */
export function templateOf(written: string): Template {
  const template = parseTemplate(written);
  if (template === null) throw new TypeError(`${written} has a variable that means nothing`);
  return template;
}

/** Why a template can't be filled: a claim that is missing, too long, or has characters that no value can have. */
export class TemplateProblem extends Error {
  override readonly name = 'TemplateProblem';
  readonly claim: string;

  constructor(claim: string, message: string) {
    super(message);
    this.claim = claim;
  }
}

/** @throws {TemplateProblem} */
export function fillTemplate({ written }: Template, claims: Claims): string {
  return written.replaceAll(placeholder, (_, name: string) => {
    const value = textOf(claims, name);
    if (value === null) throw new TemplateProblem(name, `the claim ${name} is missing`);
    if (!plainValue.test(value)) {
      throw new TemplateProblem(name, `the claim ${name} has characters other than letters, digits and . _ / @ -`);
    }
    if (value.length > maximumLength) {
      throw new TemplateProblem(name, `the claim ${name} is longer than ${maximumLength} characters`);
    }
    return value;
  });
}
