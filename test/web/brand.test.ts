/** The brand of a company on the pages: what settings are taken, and what comes of them over HTTP. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { contrast, readColor } from '../../src/lib/contrast.ts';
import { createInstallation } from '../support/installation.ts';

const folder = mkdtempSync(join(tmpdir(), 'dockpass-brand-'));
after(() => rmSync(folder, { recursive: true }));
const least = { PUBLIC_URL: 'http://localhost:5001', SERVICES: 'registry.example.com', DATA_DIR: folder };

function written(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

const hostile = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

for (const [what, settings, problem] of [
  ['a color that is no color', { BRAND_COLOR: 'blue' }, /BRAND_COLOR must be a color such as "#3451d1", not "blue"/],
  [
    'a color that is too light',
    { BRAND_COLOR: '#ffcc00' },
    /too light to be read: white text on it reaches 1\.5:1.*nearest that passes is #[0-9a-f]{6}/,
  ],
  [
    'a logo that is no image',
    { BRAND_LOGO_FILE: written('logo.html', '<html><svg></html>') },
    /must be a PNG or SVG image/,
  ],
  [
    'a logo that is too large',
    { BRAND_LOGO_FILE: written('large.png', Buffer.concat([png, Buffer.alloc(102_400)])) },
    /at most 100 KB/,
  ],
  [
    'a logo with more comments than there are ways to read them',
    { BRAND_LOGO_FILE: written('comments.svg', `${'\ufeff<!-- -->'.repeat(5_000)}<svg:svg>`) },
    /must be a PNG or SVG image/,
  ],
  ['a logo that is not there', { BRAND_LOGO_FILE: join(folder, 'none.png') }, /none\.png cannot be read \(ENOENT\)/],
  ['a name with what no one sees', { BRAND_NAME: 'Acme\u202e' }, /BRAND_NAME must be at most 40 visible characters/],
  ['an address of help that is none', { HELP_URL: 'javascript:alert(1)' }, /HELP_URL must be an absolute URL/],
] as const) {
  test(`${what} is refused at the start`, () => {
    assert.throws(() => readConfig({ ...least, ...settings }), problem);
  });
}

test('a logo can begin as drawing programs write it: with a declaration, comments, a type and its entities', () => {
  const start =
    '\ufeff<?xml version="1.0"?>\n<!-- Made by hand -->\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd" [\n';
  const file = written('drawn.svg', `${start}<!ENTITY ns "http://ns.example.com/">\n]>\n<svg></svg>`);
  assert.equal(readConfig({ ...least, BRAND_LOGO_FILE: file }).brand.logo?.type, 'image/svg+xml');
});

test('the color that is proposed passes', () => {
  for (const wanted of ['#ffcc00', '#00ff00', '#ffffff', '#ff8080']) {
    assert.throws(
      () => readConfig({ ...least, BRAND_COLOR: wanted }),
      (error: Error) => {
        const [, proposed = ''] = /passes is (#[0-9a-f]{6})/.exec(error.message) ?? [];
        assert.deepEqual(readConfig({ ...least, BRAND_COLOR: proposed }).brand.color, readColor(proposed));
        return true;
      },
    );
  }
});

test('the pages wear the brand, and a logo can run nothing', async (t) => {
  const installation = createInstallation();
  t.after(() => installation.remove());
  const server = await installation.serve({
    ...{
      BRAND_NAME: 'Acme <Registry>',
      BRAND_COLOR: '#7a1fa2',
      CONTACT: '#registry',
      HELP_URL: 'https://help.example.com/',
    },
    BRAND_LOGO_FILE: written('logo.svg', hostile),
  });
  t.after(() => server.stop());
  const page = await (await fetch(`${server.url}/sign-in`)).text();
  assert.match(page, /<h1>Sign in to Acme &lt;Registry&gt;<\/h1>/);
  assert.match(page, /<title>Sign in · Acme &lt;Registry&gt;<\/title>/);
  assert.match(page, /href="https:\/\/help\.example\.com\/">Help</);
  assert.match(page, /Ask #registry/);
  assert.doesNotMatch(page, /Dockpass \d|alert\(1\)/, 'the version and the logo itself are not in the page');

  const [, logoPath = ''] = /<img class="mark" src="([^"]+)"/.exec(page) ?? [];
  const logo = await fetch(new URL(logoPath, server.url));
  assert.equal(logo.headers.get('content-type'), 'image/svg+xml');
  assert.equal(logo.headers.get('x-content-type-options'), 'nosniff');
  assert.match(logo.headers.get('content-security-policy') ?? '', /default-src 'none';.*sandbox/);
  assert.equal(await logo.text(), hostile);

  const [, sheetPath = ''] = /href="([^"]+color\.css[^"]*)"/.exec(page) ?? [];
  const sheet = await (await fetch(new URL(sheetPath, server.url))).text();
  const [light = '', dark = ''] = sheet.split('@media');
  for (const [theme, ground] of [
    [light, '#ffffff'],
    [dark, '#1c2029'],
  ] as const) {
    const accentIn = (name: string) => readColor(new RegExp(`--${name}: (#[0-9a-f]{6})`).exec(theme)?.[1] ?? '');
    const [text, fill, soft] = [accentIn('accent'), accentIn('accent-fill'), accentIn('accent-soft')];
    assert.ok(text !== null && fill !== null && soft !== null, theme);
    for (const [one, other] of [
      [text, readColor(ground)],
      [text, soft],
      [fill, readColor('#ffffff')],
    ] as const) {
      assert.ok(other !== null && contrast(one, other) >= 4.5, `${theme}: ${one} on ${other}`);
    }
  }
  assert.equal((await fetch(`${server.url}/brand/none`)).status, 404);
});
