/** Owns taking an administrator's actions while something breaks, and the check that each that happened is in the audit. */
import assert from 'node:assert/strict';
import { openSql, openStore } from '../src/store/open.ts';
import type { Visitor } from '../test/support/visitor.ts';
import { type AdminAction, adminActions } from './admin-actions.ts';
import type { Scene } from './scene.ts';

/** One action on one target. `refused`: 503 with Retry-After. */
export type Try = {
  readonly action: AdminAction;
  readonly id: string;
  outcome: 'not sent' | 'cut off' | 'refused' | 'answered';
};

const scopes = 'people:write,robots:write,passwords:revoke';

/** @param environment of the service @returns an API token for `sender` */
export async function createToken({ installation }: Scene, environment: Record<string, string> = {}): Promise<string> {
  const words = ['api-token', 'create', '--name', 'faults', '--days', '1', '--scopes', scopes];
  return (await installation.run(words, environment)).stdout.trim();
}

/** Makes the targets: `each` of every action. @param name begins their ids; letters and digits */
export async function prepareTries(databaseUrl: string, name: string, each: number): Promise<Try[]> {
  const store = await openStore(databaseUrl, () => {});
  try {
    const tries = adminActions.flatMap((action, kind) =>
      Array.from({ length: each }, (_, n): Try => ({ action, id: `${name}x${kind}x${n}`, outcome: 'not sent' })),
    );
    for (const { action, id } of tries) await action.prepare(store, id);
    return tries.toSorted(() => Math.random() - 0.5);
  } finally {
    await store.close();
  }
}

/** Takes the actions, three at a time, until all are tried or `killed` is aborted. */
export async function takeActions(
  tries: readonly Try[],
  scene: Pick<Scene, 'url'>,
  as: { readonly token: string; readonly visitor: Visitor },
  killed: AbortSignal = new AbortController().signal,
): Promise<void> {
  const queue = tries.values();
  const work = async (): Promise<void> => {
    for (const one of queue) if (!killed.aborted) one.outcome = await tryOne(one, scene.url, as, killed);
  };
  await Promise.all([work(), work(), work()]);
}

async function tryOne(
  { action, id }: Try,
  url: string,
  as: { readonly token: string; readonly visitor: Visitor },
  killed: AbortSignal,
): Promise<Try['outcome']> {
  try {
    const { status, headers, body } = await send(action.request(id), url, as);
    if (status === 503) {
      assert.ok(headers.has('retry-after'), `${action.audited}: 503 without Retry-After: ${body}`);
      return 'refused';
    }
    assert.equal(status, 200, `${action.audited}: ${body}`);
    return 'answered';
  } catch (error) {
    if (!killed.aborted) throw error;
    return 'cut off';
  }
}

async function send(
  request: ReturnType<AdminAction['request']>,
  url: string,
  { token, visitor }: { readonly token: string; readonly visitor: Visitor },
): Promise<{ status: number; headers: Headers; body: string }> {
  if ('fields' in request) {
    const page = { url: new URL(url), status: 200, headers: new Headers(), body: '' };
    return visitor.submit(page, url + request.path, request.fields);
  }
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const init = { method: request.method, headers, body: JSON.stringify(request.body) };
  const response = await fetch(`${url}/api/v1${request.path}`, init);
  return { status: response.status, headers: response.headers, body: await response.text() };
}

const recorded = `
  select count(*) as n from audit_event where action = $2
  and (subject in (cast($1 as text) || '@example.com', 'robot-' || cast($1 as text))
       or detail_json like '%"' || cast($1 as text) || '"%')`;

/** @returns what was seen, in words. @throws where what was answered is lost, or happened without its row, or has a row without having happened */
export async function checkTries(databaseUrl: string, tries: readonly Try[]): Promise<string> {
  const sql = await openSql(databaseUrl, () => {});
  const count = async (text: string, ...values: string[]) => (await sql.get<{ n: number }>(text, values))?.n;
  let unanswered = 0;
  try {
    for (const { action, id, outcome } of tries) {
      const happened = (await count(action.happened, id)) === 1;
      const rows = await count(recorded, id, action.audited);
      const where = `${action.audited} of ${id}, ${outcome}`;
      if (outcome === 'answered') assert.ok(happened, `${where}, was lost`);
      if (outcome === 'not sent') assert.ok(!happened, `${where}, happened`);
      if (happened) assert.equal(rows, 1, `${where}, has no row`);
      // A revocation is in the audit before the first password ends.
      else if (action.audited !== 'revocation') assert.equal(rows, 0, `${where}, did not happen, and has a row`);
      if (happened && outcome !== 'answered') unanswered += 1;
    }
  } finally {
    await sql.close();
  }
  const of = (outcome: Try['outcome']) => tries.filter((one) => one.outcome === outcome).length;
  return `${of('answered')} actions of ${adminActions.length} kinds were answered, ${of('refused')} refused for now and ${of('cut off')} cut off, of which ${unanswered} had happened; each that happened is in the audit, and no other`;
}
