/** Every page that is mounted is known here; those of people and robots, in a real browser: sound in both themes, at every width. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useCompanyInBrowser } from '../support/company-in-browser.ts';
import { journeys, own } from '../support/journeys.ts';
import { mountedRoutes } from '../support/mounted-routes.ts';
import { missing } from '../support/parts.ts';
import { writeStrangers } from '../support/past-strangers.ts';
import { walkSoundPages } from '../support/sound-pages.ts';

const skip = process.env['CHROMIUM'] === undefined && missing('chromium');
const downloads = ['get /admin/audit.csv', 'get /admin/audit.jsonl'];

test('a way leads to every page that is mounted', () => {
  const walked = new Set([...downloads, ...journeys.map(({ route }) => `get ${route}`)]);
  const pages = mountedRoutes().filter((route) => route.startsWith('get '));
  assert.deepEqual(
    pages.filter((route) => !walked.has(route)),
    [],
  );
});

test('the pages of people and robots: axe finds nothing, and nothing is cut off', { skip }, async (t) => {
  const withPage = await useCompanyInBrowser(t, writeStrangers);
  await withPage({}, (page) => walkSoundPages(page, own));
});
