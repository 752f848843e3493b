/** The fault: `kill -9` while passwords are made, revoked and used. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createPassword } from '../test/support/person.ts';
import type { Visitor } from '../test/support/visitor.ts';
import { askToken, type Fault, killDuring, openScene } from './scene.ts';

/** What is known of each password: an answer that came is a promise, one that did not come is none. */
type Known = { readonly name: string; state: 'live' | 'revoking' | 'revoked' };

export const kill: Fault = {
  name: 'kill',
  what: 'kill -9 while passwords are made, revoked and used',
  async run(scale, stack) {
    const rounds = scale === 'full' ? 200 : 3;
    const scene = await openScene(stack);
    const passwords = new Map<string, Known>();
    let visitor: Visitor | undefined;
    let checked = 0; // those of earlier rounds are looked at again in the end
    for (let round = 0; round < rounds; round++) {
      const server = await scene.serve({ PASSWORDS_PER_PERSON: '1000' });
      visitor ??= await scene.signIn();
      await checkPromises(scene.url, [...passwords].slice(checked));
      checked = passwords.size;
      const person = visitor;
      await killDuring(server, 50 + Math.random() * 400, (killed) =>
        Promise.all([0, 1, 2].map((worker) => work(scene.url, person, passwords, `${round}-${worker}`, killed))),
      );
    }
    const server = await scene.serve();
    await checkPromises(scene.url, [...passwords]);
    await server.stop();
    assert.equal(integrityOf(join(scene.installation.folder, 'data', 'dockpass.db')), 'ok');
    const revoked = [...passwords.values()].filter(({ state }) => state === 'revoked').length;
    return `${rounds} rounds: ${passwords.size} creations and ${revoked} revocations were answered; none was lost, and the database is sound`;
  },
};

/** Makes, uses and revokes until the connection breaks. */
async function work(
  url: string,
  visitor: Visitor,
  passwords: Map<string, Known>,
  name: string,
  killed: AbortSignal,
): Promise<void> {
  try {
    for (let count = 0; !killed.aborted; count++) {
      const { secret, page } = await createPassword(visitor, url, { name: `${name}-${count}` });
      assert.ok(secret, `${page.status} ${page.body}`);
      const known: Known = { name: `${name}-${count}`, state: 'live' };
      passwords.set(secret, known);
      assert.equal(await askToken(url, secret), 200);
      if (count % 2 === 0) await revoke(url, visitor, known);
    }
  } catch (error) {
    if (!killed.aborted) throw error;
  }
}

async function revoke(url: string, visitor: Visitor, known: Known): Promise<void> {
  known.state = 'revoking';
  const { body } = await visitor.open(`${url}/`);
  const [, path] =
    new RegExp(`"([^"]*/passwords/[^/"]+/revoke)">[^<]*<span class="sr"> ${known.name}<`).exec(body) ?? [];
  assert.ok(path, `${known.name} is in the list`);
  const question = await visitor.open(new URL(path, url));
  assert.ok(question.body.includes(known.name));
  const answer = await visitor.submit(question, question.url, {});
  if (answer.status === 200 && answer.url.searchParams.has('revoked')) known.state = 'revoked';
}

async function checkPromises(url: string, passwords: readonly (readonly [secret: string, Known])[]): Promise<void> {
  for (const [secret, { name, state }] of passwords) {
    const status = await askToken(url, secret);
    if (state === 'live') assert.equal(status, 200, `the creation of ${name} was answered, and lost`);
    if (state === 'revoked') assert.equal(status, 401, `the revocation of ${name} was answered, and undone`);
  }
}

export function integrityOf(file: string): unknown {
  const database = new Database(file, { readonly: true });
  try {
    return database.pragma('integrity_check', { simple: true });
  } finally {
    database.close();
  }
}
