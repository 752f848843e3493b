/** Owns the browser of the tests: the installed Chromium, and what a page is judged by in it. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findProgram, skipped } from './parts.ts';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** The headless shell is Chromium without what only a screen needs: it takes half the processor time. `CHROMIUM` names another browser. */
const program = process.env['CHROMIUM'] ?? findProgram('chromium-headless-shell') ?? findProgram('chromium');

/** For `skip`. */
export function noBrowser(): string | false {
  return program === null && skipped('missing: chromium-headless-shell');
}

export function launchBrowser(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: program ?? 'chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Nothing but this machine, whatever a page or the browser itself would ask for.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost',
      ...more,
    ],
  });
}

/** What axe finds wrong on the page by WCAG 2.2 A and AA and its own best practices, one line each; none is what we want. */
export async function axeViolations(page: Page): Promise<string[]> {
  // Through the protocol and not as a script element: the page's own Content-Security-Policy stays in force.
  const isThere = await page.evaluate("typeof axe === 'object'");
  if (!isThere) await page.evaluate(await readFile(axePath, 'utf8'));
  return page.evaluate(async () => {
    type Result = { id: string; help: string; nodes: { html: string; failureSummary?: string }[] };
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Result[] }> } };
    const { violations } = await axe.run();
    return violations.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}: ${nodes.map((node) => `${node.html} ${node.failureSummary ?? ''}`).join(' | ')}`,
    );
  });
}

/** Each width and each theme once: no width changes a colour, and no theme a place, which test/web/styles.test.ts keeps. */
export const looks = [
  { width: 390, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
] as const;
