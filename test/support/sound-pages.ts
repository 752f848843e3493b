/** Owns what every page must pass: axe finds nothing, and nothing is cut off, in both themes, at every width. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { axeViolations } from './browser.ts';
import type { Journey } from './journeys.ts';

/** 320 is what WCAG 1.4.10 asks for; 640 is a window of 1280 at 200 %; at 1025 tables are tightest, at 1200 one of them has a column more. */
const widths = [320, 390, 640, 800, 1025, 1200, 1280];
/** All rules at both widths and in both themes; of the other two looks the one rule that a theme can break. */
const looks = [
  { width: 390, colorScheme: 'light' },
  { width: 390, colorScheme: 'dark', rules: ['color-contrast'] },
  { width: 1280, colorScheme: 'dark' },
  { width: 1280, colorScheme: 'light', rules: ['color-contrast'] },
] as const;

export async function walkSoundPages(page: Page, journeys: readonly Journey[]): Promise<void> {
  for (const { name, route, leadsTo = route, go } of journeys) {
    await go(page);
    const path = new RegExp(`^${leadsTo.replaceAll(/:\w+/g, '[^/]+').replaceAll(/\*\w+/g, '.+')}$`);
    assert.match(new URL(page.url()).pathname, path, `${name} is not where it should be`);
    for (const { width, colorScheme, ...only } of looks) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await axeViolations(page, only), [], `${name}: ${width} ${colorScheme}`);
    }
    for (const width of widths) {
      await page.setViewportSize({ width, height: 800 });
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width, `${name} at ${width}`);
    }
  }
}
