/** The fault: `kill -9` while an administrator takes every action there is. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Visitor } from '../test/support/visitor.ts';
import { checkTries, createToken, prepareTries, type Try, takeActions } from './admin-tries.ts';
import { integrityOf } from './kill.ts';
import { ana, type Fault, openScene } from './scene.ts';

export const killAdmin: Fault = {
  name: 'kill-admin',
  what: 'kill -9 while an administrator takes every action there is',
  async run(scale, stack) {
    const [rounds, each] = scale === 'full' ? [40, 2] : [3, 1];
    const scene = await openScene(stack);
    const file = join(scene.installation.folder, 'data', 'dockpass.db');
    const token = await createToken(scene);
    const tries: Try[] = [];
    let visitor: Visitor | undefined;
    for (let round = 0; round < rounds; round++) {
      const next = await prepareTries(`sqlite:${file}`, `r${round}`, each);
      tries.push(...next);
      const server = await scene.serve({ ADMIN_EMAILS: ana });
      visitor ??= await scene.signIn();
      const killed = new AbortController();
      const acting = takeActions(next, scene, { token, visitor }, killed.signal);
      // The last round is finished, so that each action is answered at least once.
      if (round < rounds - 1) await Promise.race([sleep(20 + Math.random() * 600), acting]);
      else await acting;
      killed.abort();
      server.signal('SIGKILL');
      await server.ended;
      await acting;
    }
    const seen = await checkTries(`sqlite:${file}`, tries);
    assert.equal(integrityOf(file), 'ok');
    return `${rounds} rounds: ${seen}; the database is sound`;
  },
};
