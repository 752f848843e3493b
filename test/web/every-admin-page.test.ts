/** Every page of administrators, in a real browser: sound in both themes, at every width, and by the keyboard. */
import { test } from 'node:test';
import { noBrowser } from '../support/browser.ts';
import { useCompanyInBrowser } from '../support/company-in-browser.ts';
import { administration } from '../support/journeys.ts';
import { writeStrangers } from '../support/past-strangers.ts';
import { walkSoundPages } from '../support/sound-pages.ts';

const skip = noBrowser();

test('the pages of administrators: axe finds nothing, nothing is cut off, and Tab leads everywhere', {
  skip,
}, async (t) => {
  const withPage = await useCompanyInBrowser(t, writeStrangers);
  await withPage({}, (page) => walkSoundPages(page, administration));
});
