/** Owns the frames of the recording: a page or a terminal below its address, a sentence that says what happens, and the animation that they make. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Eta } from 'eta';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { runProgram } from '../test/support/process.ts';

/** Of a page, in CSS pixels. A README on GitHub shows it on about 830, where 16 pixels of text are still 14. */
const width = 960;
const height = 620;
/** Screens are sharper than that. */
const deviceScaleFactor = 1.5;
/** Of 100: where letters still have sharp edges. */
const quality = 80;

/** For the pages that are shown. */
export const look: BrowserContextOptions = {
  ...{ viewport: { width, height }, deviceScaleFactor, colorScheme: 'light', locale: 'en-GB', timezoneId: 'UTC' },
};

const template = `<!doctype html>
<meta charset="utf-8">
<style>
  body { margin: 0; width: ${width}px; font: 15px/1.4 system-ui, sans-serif; background: #fff; color: #202124 }
  header, footer { display: flex; align-items: center; height: 40px; padding: 0 16px; background: #e8eaed }
  header code { padding: 2px 14px; border-radius: 13px; background: #fff; font: 15px/1.5 monospace }
  footer { height: 52px; background: #1f2937; color: #fff; font-size: 22px; font-weight: 500 }
  main { position: relative; height: ${height}px; overflow: hidden }
  main.terminal { background: #0d1117; color: #e6edf3 }
  img { display: block; width: ${width}px; height: ${height}px }
  pre { margin: 0; padding: 18px 20px; font: 17px/1.5 monospace; white-space: pre-wrap; overflow-wrap: anywhere }
  i { display: inline-block; width: 9px; height: 18px; vertical-align: -3px; background: #e6edf3 }
  svg { position: absolute; width: 26px; height: 26px }
</style>
<header><code><%= it.place %></code></header>
<% if (it.picture) { %><main><img src="data:image/png;base64,<%= it.picture %>" alt="">
<% if (it.pointer) { %><svg viewBox="0 0 24 24" style="left: <%= it.pointer.x %>px; top: <%= it.pointer.y %>px">
<path d="M3 2l7 19 3-8 8-3z" fill="#111" stroke="#fff" stroke-width="1.5" stroke-linejoin="round"/></svg><% } %></main>
<% } else { %><main class="terminal"><pre><%= it.text %><i></i></pre></main><% } %>
<footer><%= it.says %></footer>
`;

type Shown = {
  /** An address, or "Terminal". */
  readonly place: string;
  readonly says: string;
  /** PNG in base64; without it there is `text`, of a terminal. */
  readonly picture?: string;
  readonly text?: string;
  readonly pointer?: { readonly x: number; readonly y: number } | undefined;
};

export type Stage = {
  /** @param hold milliseconds @param target what is about to be clicked */
  page(page: Page, says: string, hold: number, target?: Locator): Promise<void>;
  terminal(text: string, says: string, hold: number): Promise<void>;
  /** Writes the animation, which begins again at its end. */
  save(file: string): Promise<void>;
};

/** @param folder for the frames */
export async function createStage(browser: Browser, folder: string): Promise<Stage> {
  const context = await browser.newContext({ ...look, viewport: { width, height: height + 92 } });
  const easel = await context.newPage();
  const eta = new Eta();
  const frames: { readonly file: string; readonly hold: number }[] = [];
  const add = async (shown: Shown, hold: number): Promise<void> => {
    await easel.setContent(eta.renderString(template, shown));
    const file = join(folder, `${frames.length}.png`);
    await writeFile(file, await easel.screenshot());
    frames.push({ file, hold });
  };
  return {
    async page(page, says, hold, target) {
      await target?.scrollIntoViewIfNeeded();
      await target?.hover();
      const box = await target?.boundingBox();
      const pointer = box ? { x: box.x + Math.min(box.width / 2, 90), y: box.y + box.height / 2 } : undefined;
      const picture = (await page.screenshot()).toString('base64');
      const { host, pathname } = new URL(page.url());
      const place = (host + pathname).replace(/(?<=.{36}).+/, '...');
      await add({ place, says, picture, pointer }, hold);
    },
    terminal: (text, says, hold) => add({ place: 'Terminal', says, text }, hold),
    async save(target) {
      const shown = frames.flatMap(({ file, hold }) => ['-lossy', '-q', String(quality), '-d', String(hold), file]);
      const made = await runProgram('img2webp', ['-loop', '0', '-min_size', ...shown, '-o', target]);
      if (made.code !== 0) throw new Error(`img2webp: ${made.output}`);
      await context.close();
    },
  };
}
