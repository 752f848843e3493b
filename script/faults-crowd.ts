/** The faults of numbers: many sign-ins at once, a million requests, and the time that an answer gives away. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import bcrypt from 'bcryptjs';
import { findProgram } from '../test/support/parts.ts';
import { startCase } from './bench-cases.ts';
import { runLoad } from './bench-load.ts';
import { type Fault, Missing, openScene } from './faults-scene.ts';

export const memory: Fault = {
  name: 'memory',
  what: 'the memory after a million requests',
  async run(scale, stack) {
    if (findProgram('wrk') === null) throw new Missing('needs wrk (Debian: wrk)');
    const total = scale === 'full' ? 1_000_000 : 5_000;
    const folder = mkdtempSync(join(tmpdir(), 'dockpass-memory-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const { service, load } = await startCase('memory', { what: '', basic: 'person' }, folder, null);
    stack.defer(() => service.stop());
    const samples: number[] = [];
    for (let done = 0; done < total; ) {
      // Every other time no two requests are the same: what is remembered of requests is bounded too.
      const distinct = samples.length % 2 === 1;
      done += (await runLoad({ ...load, distinct, connections: 16, seconds: scale === 'full' ? 10 : 1 })).requests;
      samples.push(service.memory());
    }
    const settled = samples.slice(Math.floor(samples.length / 5));
    const [early = 0, late = 0] = [settled[0], settled.at(-1)];
    if (scale === 'full') assert.ok(late < early * 1.1, `it grew from ${early} to ${late} MB: ${samples.join(', ')}`);
    return `${total} requests: ${early.toFixed(0)} MB after the first fifth, ${late.toFixed(0)} MB at the end`;
  },
};

export const timing: Fault = {
  name: 'timing',
  what: 'the time of an answer tells whether a user is there',
  async run(scale, stack) {
    const count = scale === 'full' ? 400 : 10;
    const scene = await openScene(stack);
    const hash = bcrypt.hashSync('right', 8);
    writeFileSync(join(scene.installation.folder, 'policy.yml'), `users:\n  known: { password: "${hash}" }\nacl: []\n`);
    const server = await scene.serve({ TRUSTED_PROXIES: '127.0.0.1' });
    stack.defer(() => server.stop());
    const ask = async (user: string, n: number): Promise<number> => {
      const headers = {
        authorization: `Basic ${Buffer.from(`${user}:wrong ${n}`).toString('base64')}`,
        // Guesses are counted by address: each comes from another one.
        'x-forwarded-for': `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
      };
      const begun = performance.now();
      const response = await fetch(`${scene.url}/auth?service=registry.example.com`, { headers });
      await response.arrayBuffer();
      assert.equal(response.status, 401);
      return performance.now() - begun;
    };
    const [known, unknown]: [number[], number[]] = [[], []];
    for (let n = 0; n < count; n++) {
      known.push(await ask('known', 2 * n));
      unknown.push(await ask(`nobody-${n}`, 2 * n + 1));
    }
    const difference = meanOf(known) - meanOf(unknown);
    const error = Math.sqrt(varianceOf(known) / count + varianceOf(unknown) / count);
    if (scale === 'full')
      assert.ok(Math.abs(difference) < 4 * error, `${difference} ms at a standard error of ${error} ms`);
    return `${count} wrong passwords of a user that is there took ${meanOf(known).toFixed(2)} ms, of names that are not ${meanOf(unknown).toFixed(2)} ms; the difference of ${difference.toFixed(2)} ms has a standard error of ${error.toFixed(2)} ms`;
  },
};

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
