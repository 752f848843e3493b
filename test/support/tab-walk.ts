/** Owns how the keyboard goes through a page: where Tab should stop, and where it does. */
import type { Page } from 'playwright-core';

/** What a keyboard must reach, top to bottom, each by a name that is written to it; of radio buttons the chosen one. */
export function markStops(page: Page): Promise<string[]> {
  return page.evaluate(`
    [...document.querySelectorAll('a[href], button, input:not([type="hidden"]), select, textarea, summary')]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }))
      .filter((element) => element.type !== 'radio' || element.checked)
      .map((element, number) => {
        const name = element.id || element.textContent.trim().replaceAll(/\\s+/g, ' ');
        return (element.dataset.stop = number + ' ' + name.slice(0, 60));
      })`);
}

/** Presses Tab until the focus has left the page. @returns where it was, without the inner stops of one field */
export async function walkByTab(page: Page, count: number): Promise<string[]> {
  // From the top, wherever the journey clicked last.
  await page.evaluate(`
    globalThis.stops = [];
    const start = document.createElement('span');
    start.tabIndex = -1;
    document.body.prepend(start);
    start.focus();
    document.addEventListener('focusin', ({ target }) => {
      const isSeen = getComputedStyle(target).outlineStyle !== 'none';
      stops.push((isSeen ? '' : 'no outline: ') + (target.dataset.stop ?? target.outerHTML));
    });`);
  // A field of a date has four stops of its own. Nobody waits for an answer between two presses, which takes longer than they do.
  await Promise.all(Array.from({ length: count + 30 }, () => page.keyboard.press('Tab')));
  const all = await page.evaluate<string[]>('stops');
  // After the last comes the browser itself, or the first again.
  const again = all.indexOf(all[0] ?? '', 1);
  return all.slice(0, again === -1 ? all.length : again);
}
