/** The fault: `kill -9` while an administrator revokes thousands of passwords, and while that is undone. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { addCrowd } from '../bench/installation.ts';
import { integrityOf } from './kill.ts';
import { type Fault, openScene, type Scene } from './scene.ts';

const domain = 'example.com';

/** What an operation is known to have done: `null` where the connection broke before the answer. */
type Answer<Body> = { readonly status: number; readonly body: Body } | null;
type Revocation = { readonly id: string; readonly passwords: number };

export const killBulk: Fault = {
  name: 'kill-bulk',
  what: 'kill -9 while thousands of passwords are revoked, and while that is undone',
  async run(scale, stack) {
    const [rounds, people] = scale === 'full' ? [50, 2_000] : [2, 300];
    const all = people * 10;
    const scene = await openScene(stack);
    const token = await prepare(scene, people);
    const revoke = (url: string) => ask<Revocation>(token, `${url}/api/v1/revocations`, { domain });
    const undo = (url: string) => undoLast(token, url);
    const allLive = async (url: string) => assert.equal(await liveIn(token, url), all, 'an undoing left some revoked');
    let [revoked, undone, brokeOff] = [0, 0, 0];
    let [revoking, undoing] = [0, 0]; // how long the whole of it takes, in milliseconds
    let isLeft = false; // whether an undoing may have broken off
    for (let round = 0; round < rounds; round++) {
      // The first is let be, and timed; of the others the end comes at any moment, or shortly after the answer.
      const lifeOf = (whole: number) => (round === 0 ? null : Math.random() * 1.5 * whole);
      const finishUndoing = async (url: string) => {
        if (isLeft) await undo(url);
        await allLive(url);
      };
      const first = await during(scene, lifeOf(revoking), finishUndoing, revoke);
      const checkRevoked = async (url: string) => {
        const live = await liveIn(token, url);
        if (first.answer === null) {
          if (live > 0 && live < all) brokeOff += 1;
          return;
        }
        assert.deepEqual([first.answer.status, first.answer.body.passwords], [200, all]);
        assert.equal(live, 0, 'a revocation was answered, and undone');
        revoked += 1;
      };
      const second = await during(scene, lifeOf(undoing), checkRevoked, undo);
      isLeft = second.answer === null;
      if (second.answer?.status === 200) undone += 1;
      revoking ||= first.took;
      undoing ||= second.took;
    }
    const server = await scene.serve();
    if (isLeft) await undo(scene.url);
    await allLive(scene.url);
    await server.stop();
    assert.equal(integrityOf(databaseOf(scene)), 'ok');
    return `${rounds} rounds of ${all} passwords: ${revoked} revocations and ${undone} undoings were answered, ${brokeOff} revocations broke off half-way; none was lost, all could be undone, and the database is sound`;
  },
};

function databaseOf({ installation }: Scene): string {
  return join(installation.folder, 'data', 'dockpass.db');
}

/** @returns an API token */
async function prepare(scene: Scene, people: number): Promise<string> {
  const words = [
    'api-token',
    'create',
    '--name',
    'faults',
    '--days',
    '1',
    '--scopes',
    'passwords:read,passwords:revoke',
  ];
  const { stdout } = await scene.installation.run(words);
  await addCrowd(`sqlite:${databaseOf(scene)}`, { people, each: 10 }, Date.now());
  return stdout.trim();
}

/**
 * Starts a server, does something, and kills the server meanwhile, after `life` milliseconds, where that is not `null`.
 * @param before is done with the server first, in peace
 */
async function during<Body>(
  scene: Scene,
  life: number | null,
  before: (url: string) => Promise<void>,
  action: (url: string) => Promise<Answer<Body>>,
): Promise<{ readonly answer: Answer<Body>; readonly took: number }> {
  const server = await scene.serve();
  await before(scene.url);
  const begun = performance.now();
  const answer = action(scene.url);
  if (life !== null) {
    await sleep(life);
    server.signal('SIGKILL');
    await server.ended;
  }
  const known = await answer;
  const took = performance.now() - begun;
  await server.stop();
  return { answer: known, took };
}

async function ask<Body>(token: string, url: string, body?: unknown): Promise<Answer<Body>> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  try {
    const response = await fetch(url, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Body };
  } catch {
    return null;
  }
}

async function liveIn(token: string, url: string): Promise<number> {
  const answer = await ask<{ passwords: number }>(token, `${url}/api/v1/revocations/preview`, { domain });
  assert.equal(answer?.status, 200);
  return answer.body.passwords;
}

/**
 * Undoes the newest revocation; one whose undoing was interrupted is continued.
 * @returns 404 or 409 where there is none that is not undone
 */
async function undoLast(token: string, url: string): Promise<Answer<unknown>> {
  const list = await ask<{ revocations: Revocation[] }>(token, `${url}/api/v1/revocations`);
  if (list === null) return null;
  const [newest] = list.body.revocations;
  if (newest === undefined) return { status: 404, body: null };
  const answer = await ask(token, `${url}/api/v1/revocations/${newest.id}/undo`, {});
  assert.ok(answer === null || answer.status === 200 || answer.status === 409, JSON.stringify(answer));
  return answer;
}
