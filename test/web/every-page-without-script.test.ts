/** Every page that is mounted, without JavaScript. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noBrowser } from '../support/browser.ts';
import { useCompanyInBrowser } from '../support/company-in-browser.ts';
import { journeys } from '../support/journeys.ts';
import { writeStrangers } from '../support/past-strangers.ts';

const skip = noBrowser();

/** What is wrong with the page, one line each. */
const faults = `(() => {
  const isVisible = (element) => element.checkVisibility({ visibilityProperty: true });
  const visible = (selector, inside = document) => [...inside.querySelectorAll(selector)].filter(isVisible);
  const dead = visible('button[type="button"], input[data-filter], a:not([href]), [data-script]');
  const stuck = [...document.forms].filter((form) => visible('button[type="submit"]', form).length === 0);
  return [
    ...(document.title === '' ? ['no title'] : []),
    ...(document.querySelectorAll('h1').length === 1 ? [] : ['not one h1']),
    ...dead.map(({ outerHTML }) => 'does nothing: ' + outerHTML),
    ...stuck.map(({ outerHTML }) => 'a form without a button: ' + outerHTML),
  ];
})()`;

test('without JavaScript every page is there, whole, and every form can be sent', { skip }, async (t) => {
  const withPage = await useCompanyInBrowser(t, writeStrangers);
  await withPage({ javaScriptEnabled: false, viewport: { width: 390, height: 800 } }, async (page) => {
    for (const { name, go } of journeys) {
      await go(page);
      assert.deepEqual(await page.evaluate(faults), [], name);
    }
  });
});
