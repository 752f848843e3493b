/** The fault: strangers ask for everything on many names, and someone looks whether Dockpass is well. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, openScene } from './scene.ts';

/** Requests a second, each for as many names that no one asked for before. */
const strangers = [
  { rate: 60, names: 100 },
  { rate: 2, names: 1_000 },
];
/** Milliseconds between two looks, and what strangers can add to the slowest of them. */
const [pause, longest] = [10, 100];

export const scopes: Fault = {
  name: 'scopes',
  what: 'strangers ask for everything on hundreds of names in each request',
  async run(scale, stack) {
    const seconds = scale === 'full' ? 15 : 2;
    const scene = await openScene(stack);
    await scene.serve();
    // What a busy machine makes of it by itself.
    const alone = await slowestLook(scene.url, performance.now() + seconds * 1_000);
    const seen = [`without strangers the slowest health check took ${alone.toFixed(0)} ms`];
    for (const { rate, names } of strangers) {
      const until = performance.now() + seconds * 1_000;
      const asked = askUntil(scene.url, { rate, names }, until);
      const worst = await slowestLook(scene.url, until);
      seen.push(`beside ${await asked} requests with ${names} scopes, ${worst.toFixed(0)} ms`);
      if (scale === 'full') assert.ok(worst <= alone + longest, seen.join('; '));
    }
    return seen.join('; ');
  },
};

/** @returns how many were answered, each with 200 */
async function askUntil(url: string, { rate, names }: { rate: number; names: number }, until: number): Promise<number> {
  const answers: Promise<number>[] = [];
  while (performance.now() < until) {
    const round = answers.length;
    const scope = Array.from({ length: names }, (_, index) => `repository:r${round}/n${index}:*`).join('+');
    answers.push(
      fetch(`${url}/auth?service=registry.example.com&scope=${scope}`).then(({ status, body }) => {
        void body?.cancel();
        return status;
      }),
    );
    await sleep(1_000 / rate);
  }
  assert.deepEqual(new Set(await Promise.all(answers)), new Set([200]));
  return answers.length;
}

async function slowestLook(url: string, until: number): Promise<number> {
  let worst = 0;
  while (performance.now() < until) {
    const begun = performance.now();
    const response = await fetch(`${url}/healthz`);
    await response.arrayBuffer();
    worst = Math.max(worst, performance.now() - begun);
    await sleep(pause);
  }
  return worst;
}
