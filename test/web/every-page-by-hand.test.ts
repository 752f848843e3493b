/** Every page that is mounted, by the keyboard alone and without JavaScript. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { noBrowser } from '../support/browser.ts';
import { useCompanyInBrowser } from '../support/company-in-browser.ts';
import { journeys } from '../support/journeys.ts';
import { writeStrangers } from '../support/past-strangers.ts';

const skip = noBrowser();

test('Tab reaches all that can be used, in the order in which it is read, and shows where it is', {
  skip,
}, async (t) => {
  const withPage = await useCompanyInBrowser(t, writeStrangers);
  await withPage({}, async (page) => {
    for (const { name, go } of journeys) {
      await go(page);
      const expected = await markStops(page);
      assert.deepEqual(await walk(page, expected.length), expected, name);
    }
  });
});

test('without JavaScript every page is there, whole, and every form can be sent', { skip }, async (t) => {
  const withPage = await useCompanyInBrowser(t, writeStrangers);
  await withPage({ javaScriptEnabled: false, viewport: { width: 390, height: 800 } }, async (page) => {
    for (const { name, go } of journeys) {
      await go(page);
      assert.notEqual(await page.title(), '', name);
      assert.equal(await page.locator('h1').count(), 1, name);
      for (const dead of ['button[type="button"]', 'input[data-filter]', 'a:not([href])', '[data-script]']) {
        assert.equal(await page.locator(dead).filter({ visible: true }).count(), 0, `${name}: ${dead} does nothing`);
      }
      const forms = page.locator('form');
      for (const form of await forms.all()) {
        assert.ok(await form.locator('button[type="submit"]').first().isVisible(), `${name}: a form without a button`);
      }
    }
  });
});

/** What a keyboard must reach, top to bottom, each by a name that is written to it; of radio buttons the chosen one. */
function markStops(page: Page): Promise<string[]> {
  return page.evaluate(`
    [...document.querySelectorAll('a[href], button, input:not([type="hidden"]), select, textarea, summary')]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }))
      .filter((element) => element.type !== 'radio' || element.checked)
      .map((element, number) => {
        const name = element.id || element.textContent.trim().replaceAll(/\\s+/g, ' ');
        return (element.dataset.stop = number + ' ' + name.slice(0, 60));
      })`);
}

/** The stop that has the focus, `null` once it has left the page. */
const focusedStop = `(() => {
  const { activeElement } = document;
  if (activeElement === null || activeElement === document.body) return null;
  const isSeen = getComputedStyle(activeElement).outlineStyle !== 'none';
  return (isSeen ? '' : 'no outline: ') + (activeElement.dataset.stop ?? activeElement.outerHTML);
})()`;

/** Presses Tab until the focus leaves the page. @returns where it was, without the inner stops of one field */
async function walk(page: Page, count: number): Promise<string[]> {
  // From the top, wherever the journey clicked last.
  await page.evaluate(`
    const start = document.createElement('span');
    start.tabIndex = -1;
    document.body.prepend(start);
    start.focus();`);
  const stops: string[] = [];
  // A field of a date has four stops of its own.
  for (let press = 0; press < count + 30; press++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate<string | null>(focusedStop);
    // After the last comes the browser itself, or the first again.
    if (stop === null || (stop === stops[0] && stops.length > 1)) break;
    if (stop !== stops.at(-1)) stops.push(stop);
  }
  return stops;
}
