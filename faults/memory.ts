/** The fault: a million requests, and what they leave in memory. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCase } from '../bench/cases.ts';
import { runLoad } from '../bench/load.ts';
import { findProgram } from '../test/support/parts.ts';
import { type Fault, Missing } from './scene.ts';

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
