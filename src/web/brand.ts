/** Owns how the pages wear the brand of a company: its name, logo, color and help. */
import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';
import { type Color, contrast, mix, nearest, writeColor } from '../lib/contrast.ts';

export type BrandSettings = {
  readonly name: string;
  readonly logo: { readonly type: string; readonly content: Buffer } | null;
  readonly color: Color | null;
  readonly helpUrl: URL | null;
  /** Whom people ask, as the configuration says. */
  readonly contact: string | null;
  /** Of Dockpass. */
  readonly version: string;
};

/** What every page gets; addresses are `null` where there is nothing. */
export type Brand = {
  readonly name: string;
  readonly logoHref: string | null;
  readonly sheetHref: string | null;
  readonly helpHref: string | null;
  readonly contact: string | null;
  readonly version: string;
};

export const plainBrand: BrandSettings = {
  ...{ name: 'Dockpass', logo: null, color: null, helpUrl: null, contact: null, version: '' },
};

const white: Color = [255, 255, 255];
const black: Color = [0, 0, 0];
/** The lightest ground of a dark page that text of this color is on (views/static/tokens.css). */
const darkGround: Color = [28, 32, 41];
const darkSurface: Color = [21, 24, 31];

/** @param prefix path prefix of all pages */
export function createBrand(settings: BrandSettings, prefix: string): Brand {
  const { name, logo, color, helpUrl, contact, version } = settings;
  const address = (path: string, content: string | Buffer) =>
    `${prefix}${path}?v=${createHash('sha256').update(content).digest('hex').slice(0, 12)}`;
  return {
    ...{ name, contact, version },
    logoHref: logo && address('/brand/logo', logo.content),
    sheetHref: color && address('/brand/color.css', styleSheetOf(color)),
    helpHref: helpUrl?.href ?? null,
  };
}

/**
 * GET /brand/:file. A logo is shown by `<img>` and never inlined; opened by itself, an SVG can run nothing.
 * What isn't there is left to the next handler.
 */
export function serveBrand({ logo, color }: BrandSettings): RequestHandler<{ file: string }> {
  return (request, response, next) => {
    const { file } = request.params;
    if (file === 'color.css' && color !== null) return void response.type('text/css').send(styleSheetOf(color));
    if (file !== 'logo' || logo === null) return next();
    response.set('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox");
    response.set('X-Content-Type-Options', 'nosniff').type(logo.type).send(logo.content);
  };
}

/** The accent of both themes (views/static/tokens.css): on a dark page its text is lightened until it's read well. */
function styleSheetOf(color: Color): string {
  const onDark = nearest(color, white, (one) => contrast(one, darkGround) >= 4.5);
  const light = accentOf({ text: color, fill: color, ground: white, soft: 0.93, line: 0.7 });
  const dark = accentOf({ text: onDark, fill: color, ground: darkSurface, soft: 0.85, line: 0.55 });
  return `:root {${light}}\n@media screen and (prefers-color-scheme: dark) { :root {${dark}} }\n`;
}

function accentOf(one: { text: Color; fill: Color; ground: Color; soft: number; line: number }): string {
  const soft = mix(one.fill, one.ground, one.soft);
  const values = {
    accent: nearest(one.text, one.ground === white ? black : white, (text) => contrast(text, soft) >= 4.5),
    'accent-fill': one.fill,
    'accent-fill-hover': mix(one.fill, black, 0.15),
    'accent-soft': soft,
    'accent-line': mix(one.fill, one.ground, one.line),
  };
  return Object.entries(values)
    .map(([name, value]) => ` --${name}: ${writeColor(value)};`)
    .join('');
}
