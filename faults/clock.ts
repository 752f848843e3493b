/** The fault: the clock of the machine jumps. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { ana, askToken, type Fault, openScene } from './scene.ts';

const day = 24 * 60 * 60 * 1000;
const minute = 60 * 1000;

/** Loaded before Dockpass: SIGUSR2 moves the clock to what the file says. */
const preload = (file: string) => `
import { readFileSync } from 'node:fs';
const real = Date.now;
let offset = 0;
Date.now = () => real() + offset;
process.on('SIGUSR2', () => {
  offset = Number(readFileSync(${JSON.stringify(file)}, 'utf8'));
  console.log('the clock jumped to ' + offset);
});`;

export const clock: Fault = {
  name: 'clock',
  what: 'the clock jumps by minutes, days and years, both ways',
  async run(_scale, stack) {
    const scene = await openScene(stack);
    const [file, hook] = ['offset', 'clock.mjs'].map((name) => join(scene.installation.folder, name)) as [
      string,
      string,
    ];
    writeFileSync(hook, preload(file));
    const server = await scene.serve({ NODE_OPTIONS: `--import ${hook}` });
    // Of someone whose provider is never asked, so that only time ends it, after 7 days.
    await scene.installation.addPerson(ana);
    const made = await scene.installation.run(['password', 'create', ana, '--name', 'clock', '--days', '7', '--json']);
    const { secret } = JSON.parse(made.stdout) as { secret: string };
    const jump = async (offset: number) => {
      writeFileSync(file, String(offset));
      server.signal('SIGUSR2');
      await server.says(new RegExp(`the clock jumped to ${offset}\\n`));
    };
    const jumps = [5 * minute, -5 * minute, day, -day, 6 * day, 400 * day, -400 * day, 0];
    for (const offset of jumps) {
      await jump(offset);
      const expected = offset > 7 * day ? 401 : 200;
      assert.equal(await askToken(scene.url, secret), expected, `after a jump to ${offset / day} days`);
      if (expected === 200) await checkTimes(scene.url, secret, Date.now() + offset);
      assert.equal((await fetch(`${scene.url}/sign-in`)).status, 200);
    }
    return `${jumps.length} jumps of 5 minutes to 400 days: passwords end when they should and live again, each token is valid in the time of its moment`;
  },
};

async function checkTimes(url: string, secret: string, now: number): Promise<void> {
  const authorization = `Basic ${Buffer.from(`${ana}:${secret}`).toString('base64')}`;
  const response = await fetch(`${url}/auth?service=registry.example.com&scope=repository:a:pull`, {
    headers: { authorization },
  });
  const { token, expires_in: expiresIn } = (await response.json()) as { token: string; expires_in: number };
  const { exp = 0, nbf = 0 } = decodeJwt(token);
  assert.ok(nbf * 1000 <= now && now < exp * 1000, `valid from ${nbf} to ${exp}, at ${now / 1000}`);
  assert.ok(Math.abs(exp - now / 1000 - expiresIn) < 3);
}
