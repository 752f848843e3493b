/** Owns the settings of the brand: what the pages are called, their logo and color, and where help is. */
import { readFileSync } from 'node:fs';
import { type Color, contrast, nearest, readColor, writeColor } from '../lib/contrast.ts';
import { errorCode } from '../lib/errors.ts';
import { hasInvisible } from '../lib/unicode.ts';
import type { Settings } from './settings.ts';

export type BrandConfig = {
  readonly brand: {
    readonly name: string;
    readonly logo: { readonly type: 'image/png' | 'image/svg+xml'; readonly content: Buffer } | null;
    /** White text on it, and it as text on a light page, reach 4.5:1. */
    readonly color: Color | null;
    readonly helpUrl: URL | null;
  };
};

const maximumNameLength = 40;
/** Bytes. */
const maximumLogo = 100 * 1024;
const white: Color = [255, 255, 255];
const black: Color = [0, 0, 0];
/** The ground of a light page (views/static/tokens.css). */
const lightGround: Color = [247, 248, 250];
/** WCAG 2.2, 1.4.3, for text of the usual size. */
const least = 4.5;

export function readBrand(settings: Settings): BrandConfig {
  return {
    brand: {
      name: readName(settings),
      logo: readLogo(settings),
      color: readBrandColor(settings),
      helpUrl: settings.optional('HELP_URL') === null ? null : settings.url('HELP_URL'),
    },
  };
}

function readName(settings: Settings): string {
  const name = settings.text('BRAND_NAME', 'Dockpass').normalize('NFC');
  if (name.length > maximumNameLength || hasInvisible(name)) {
    settings.problem(`BRAND_NAME must be at most ${maximumNameLength} visible characters, for example Acme Registry`);
  }
  return name;
}

function readLogo(settings: Settings): BrandConfig['brand']['logo'] {
  const file = settings.optionalPath('BRAND_LOGO_FILE');
  if (file === null) return null;
  try {
    const content = readFileSync(file);
    const type = content.length <= maximumLogo ? typeOf(content) : null;
    if (type !== null) return { type, content };
    settings.problem(`BRAND_LOGO_FILE must be a PNG or SVG image of at most 100 KB, not ${file}`);
  } catch (error) {
    settings.problem(`BRAND_LOGO_FILE: ${file} cannot be read (${errorCode(error)})`);
  }
  return null;
}

function typeOf(content: Buffer): 'image/png' | 'image/svg+xml' | null {
  if (content.subarray(0, 8).equals(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))) return 'image/png';
  return isSvg(content.toString('utf8')) ? 'image/svg+xml' : null;
}

/**
 * What can stand before the root of a document (XML 1.0, 2.8): spaces, declarations, comments, a type with its entities. One piece
 * at a time: in a single expression comments could end in many places, and a file with fifty of them would be tried for years.
 */
const beforeRoot = /\s+|<\?[^>]*>|<!--[\s\S]*?-->|<!DOCTYPE[^[>]*(?:\[[^\]]*\]\s*)?>/gy;

function isSvg(text: string): boolean {
  let root = 0;
  for (const [piece] of text.matchAll(beforeRoot)) root += piece.length;
  return /^<svg[\s>]/.test(text.slice(root));
}

function readBrandColor(settings: Settings): Color | null {
  const text = settings.optional('BRAND_COLOR');
  if (text === null) return null;
  const color = readColor(text);
  if (color === null) {
    settings.problem(`BRAND_COLOR must be a color such as "#3451d1", not "${text}"`);
    return null;
  }
  const passing = nearest(color, black, (one) => contrast(one, white) >= least && contrast(one, lightGround) >= least);
  if (writeColor(passing) !== writeColor(color)) {
    settings.problem(
      `BRAND_COLOR ${text} is too light to be read: white text on it reaches ${contrast(color, white).toFixed(1)}:1, and ${least}:1 is needed; the nearest that passes is ${writeColor(passing)}`,
    );
  }
  return color;
}
