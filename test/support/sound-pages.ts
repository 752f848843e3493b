/** Owns what every page must pass: axe finds nothing, nothing is cut off at any width, and Tab reaches all that can be used, in the order in which it is read, and shows where it is. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { axeViolations, looks } from './browser.ts';
import type { Journey } from './journeys.ts';
import { markStops, walkByTab } from './tab-walk.ts';

/** 320 is what WCAG 1.4.10 asks for; 640 is a window of 1280 at 200 %; at 1025 tables are tightest, at 1200 one of them has a column more. */
const widths = [320, 390, 640, 800, 1025, 1200, 1280];

export async function walkSoundPages(page: Page, journeys: readonly Journey[]): Promise<void> {
  for (const { name, route, leadsTo = route, go } of journeys) {
    await go(page);
    const path = new RegExp(`^${leadsTo.replaceAll(/:\w+/g, '[^/]+').replaceAll(/\*\w+/g, '.+')}$`);
    // A script changes the address of some, which may be after the page has loaded.
    await page.waitForURL(({ pathname }) => path.test(pathname)).catch(() => {});
    assert.match(new URL(page.url()).pathname, path, `${name} is not where it should be`);
    for (const { width, colorScheme } of looks) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await axeViolations(page), [], `${name}: ${width} ${colorScheme}`);
    }
    for (const width of widths) {
      await page.setViewportSize({ width, height: 800 });
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width, `${name} at ${width}`);
    }
    const stops = await markStops(page);
    assert.deepEqual(await walkByTab(page, stops.length), stops, `${name}: where Tab leads`);
  }
}
