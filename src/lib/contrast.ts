/** Owns arithmetic with colors: how well one is read on another (WCAG 2.2, 1.4.3), and the nearest that is read well. */

/** Red, green and blue, each from 0 to 255. */
export type Color = readonly [number, number, number];

/** @returns null for what isn't "#3451d1" */
export function readColor(text: string): Color | null {
  const [, red, green, blue] = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text) ?? [];
  if (red === undefined || green === undefined || blue === undefined) return null;
  return [Number.parseInt(red, 16), Number.parseInt(green, 16), Number.parseInt(blue, 16)];
}

export function writeColor(color: Color): string {
  return `#${color.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
}

/** From 1 to 21. */
export function contrast(one: Color, other: Color): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** @param share of `other`, from 0 to 1 */
export function mix(color: Color, other: Color, share: number): Color {
  const part = (index: 0 | 1 | 2) => color[index] + (other[index] - color[index]) * share;
  return [part(0), part(1), part(2)];
}

/** The color itself if it's good enough, else the first on the way to `direction` that is. */
export function nearest(color: Color, direction: Color, isGood: (candidate: Color) => boolean): Color {
  for (let percent = 0; percent < 100; percent++) {
    const rounded = readColor(writeColor(mix(color, direction, percent / 100))) ?? direction;
    if (isGood(rounded)) return rounded;
  }
  return direction;
}

/** Relative luminance (WCAG 2.2). */
function luminance(color: Color): number {
  const [red = 0, green = 0, blue = 0] = color.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
