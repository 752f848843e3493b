/** Every page that is mounted is known here; those of people and robots, in a real browser: sound in both themes, at every width, and by the keyboard. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noBrowser } from '../support/browser.ts';
import { useCompanyInBrowser } from '../support/company-in-browser.ts';
import { journeys, own } from '../support/journeys.ts';
import { writeStrangers } from '../support/past-strangers.ts';
import { routesOf } from '../support/routes.ts';
import { walkSoundPages } from '../support/sound-pages.ts';

const skip = noBrowser();
const downloads = ['GET /admin/audit.csv', 'GET /admin/audit.jsonl'];

test('a journey leads to every page that is mounted', () => {
  const walked = new Set([...downloads, ...journeys.map(({ route }) => `GET ${route}`)]);
  const pages = routesOf('person', 'person, fresh', 'administrator', 'administrator, fresh').filter((route) =>
    route.startsWith('GET '),
  );
  assert.deepEqual(
    pages.filter((route) => !walked.has(route)),
    [],
  );
});

test('the pages of people and robots: axe finds nothing, nothing is cut off, and Tab leads everywhere', {
  skip,
}, async (t) => {
  const withPage = await useCompanyInBrowser(t, writeStrangers);
  await withPage({}, (page) => walkSoundPages(page, own));
});
