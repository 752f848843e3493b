/** That the audit is found by each filter, page by page, exported whole and safely, and removed when it is old. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tidy } from '../../src/app/housekeeping.ts';
import { createAudit } from '../../src/audit/audit.ts';
import { type AuditEntry, type AuditFilter, exportLines } from '../../src/audit/audit-log.ts';
import type { AuditRow } from '../../src/store/audit-events.ts';
import { day, type Scene, withScene } from '../support/administration-scene.ts';
import { describeEngines } from '../support/engines.ts';

const start = Date.UTC(2026, 10, 1);
const row = (index: number, changes: Partial<AuditRow> = {}): AuditRow => ({
  id: (start + index).toString(36).padStart(9, '0') + String(index).padStart(16, '0'),
  at: start + index,
  action: 'sign-in',
  actor: 'ana@example.com',
  subject: 'ana@example.com',
  address: '192.0.2.1',
  client: 'Firefox',
  request_id: 'r1',
  repository: null,
  detail_json: '{"provider":"google"}',
  ...changes,
});

const reader = { actor: 'auditor@example.com', client: null };

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describeEngines('the audit', (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => () => withScene(databases, action);

  test(
    'finds a login in any case, form of its accents and form of its domain, and a name that has capital letters',
    scene(async ({ store, auditLog }) => {
      await store.audit.add([row(0, { subject: 'zo\u00eb@example.com' }), row(1, { subject: 'ci:github:Team/App' })]);
      const found = async (person: string) =>
        (await auditLog.page({ person }, null, reader)).entries.map(({ at }) => at - start);
      assert.deepEqual(await found('ZOE\u0308@example.com'), [0]);
      assert.deepEqual(await found('ci:github:Team/App'), [1]);
      await store.audit.add([
        row(2, { subject: 'bo@b\u00fccher.example' }),
        row(3, { subject: 'bo@xn--bcher-kva.example' }),
      ]);
      assert.deepEqual(await found('Bo@xn--bcher-kva.example'), [3, 2]);
      assert.deepEqual(await found('bo@B\u00fccher.example'), [3, 2]);
      const exported = await collect(auditLog.all({ person: 'Zo\u00eb@Example.com' }, reader));
      assert.deepEqual(
        exported.map(({ at }) => at - start),
        [0],
      );
    }),
  );

  test(
    'is filtered by person on either side, action, time and repository, all at once',
    scene(async ({ store, auditLog }) => {
      await store.audit.add([
        row(0),
        row(1, { action: 'password.revoke', actor: 'root@example.com' }),
        row(2, {
          action: 'policy.explain',
          actor: 'root@example.com',
          subject: 'bo@example.com',
          repository: 'team/app',
        }),
      ]);
      const found = async (filter: AuditFilter) =>
        (await auditLog.page(filter, null, reader)).entries.map(({ at }) => at - start);
      assert.deepEqual(await found({}), [2, 1, 0]);
      assert.deepEqual(await found({ person: 'ana@example.com' }), [1, 0]);
      assert.deepEqual(await found({ person: 'root@example.com' }), [2, 1]);
      assert.deepEqual(await found({ person: 'Root@Example.com' }), [2, 1]);
      assert.deepEqual(await found({ action: 'sign-in' }), [0]);
      assert.deepEqual(await found({ repository: 'team/app' }), [2]);
      assert.deepEqual(await found({ from: start + 1, until: start + 2 }), [1]);
      assert.deepEqual(await found({ person: 'ana@example.com', action: 'sign-in', until: start }), []);
    }),
  );

  test(
    'keeps what somebody asked about, whatever characters it has, and what comes after it',
    scene(async ({ store, auditLog }) => {
      const log = { debug() {}, info() {}, warn() {}, error: (fields: object) => assert.fail(JSON.stringify(fields)) };
      const audit = createAudit(
        store.audit,
        log,
        () => start,
        ({ error }) => assert.ifError(error),
      );
      for (const subject of ['a\0b', '\ud800', 'after']) {
        audit.record({
          action: 'policy.explain',
          actor: 'root@example.com',
          subject,
          client: null,
          repository: subject,
        });
      }
      await audit.flush();
      const { entries } = await auditLog.page({ action: 'policy.explain' }, null, reader);
      assert.deepEqual(entries.map(({ subject }) => subject).sort(), ['after', 'a\uFFFDb', '\uFFFD'].sort());
    }),
  );

  test(
    'is paged without gap or overlap, and exported whole',
    scene(async ({ store, auditLog }) => {
      await store.audit.add(Array.from({ length: 2_050 }, (_, index) => row(index)));
      const pages: number[] = [];
      const seen = new Set<string>();
      let before: string | null = null;
      do {
        const page: { entries: AuditEntry[]; next: string | null } = await auditLog.page({}, before, reader);
        pages.push(page.entries.length);
        for (const { id } of page.entries) seen.add(id);
        before = page.next;
      } while (before !== null);
      assert.deepEqual([pages.length, pages.at(-1), seen.size], [21, 50, 2_050]);
      const all = await collect(auditLog.all({ from: start + 10, until: start + 10_000 }, reader));
      assert.deepEqual([all.length, all[0]?.at, all.at(-1)?.at], [2_040, start + 2_049, start + 10]);
    }),
  );

  test(
    'has who read it, by which filter: one time an hour for each, and each API token apart',
    scene(async ({ auditLog, clock, events }) => {
      const byToken = { ...reader, apiToken: { id: 't1', name: 'siem' } };
      const readings = () => events.filter(({ action }) => action === 'audit.read').length;
      await auditLog.page({}, null, reader);
      await auditLog.page({}, 'before', reader);
      assert.equal(readings(), 1);
      await collect(auditLog.all({ person: 'ana@example.com' }, reader));
      await auditLog.page({}, null, byToken);
      assert.equal(readings(), 3);
      const { entries } = await auditLog.page({ action: 'audit.read' }, null, reader);
      assert.ok(entries.some(({ detail }) => JSON.stringify(detail).includes('"siem"')));
      clock.at += 60 * 60 * 1_000;
      await auditLog.page({}, null, reader);
      assert.equal(readings(), 5);
    }),
  );

  test(
    'is removed when it is older than what is kept, and not before',
    scene(async ({ store, auditLog }) => {
      await store.audit.add([row(0), row(1)]);
      const silent = { debug() {}, info() {}, warn() {}, error() {} };
      await tidy({
        store,
        auditRetention: day,
        denialRetention: day,
        activity: { retention: day },
        log: silent,
        now: () => start + 1 + day,
      });
      assert.deepEqual(
        (await auditLog.page({}, null, reader)).entries.map(({ at }) => at - start),
        [1],
      );
    }),
  );
});

async function* entries(...changes: Partial<AuditEntry>[]): AsyncIterable<AuditEntry> {
  for (const change of changes) {
    const { request_id: requestId, detail_json: _, ...rest } = row(0);
    yield { ...rest, action: 'sign-in', requestId, detail: { a: 'say "hi"' }, ...change };
  }
}

test('CSV is quoted as RFC 4180 says, and no field can be a formula', async () => {
  const lines = await collect(
    exportLines(entries({ client: '=cmd|calc' }, { subject: 'a,b\nc', client: null }), 'csv'),
  );
  assert.deepEqual(lines, [
    'time,action,actor,subject,address,client,request_id,repository,detail\r\n',
    `2026-11-01T00:00:00.000Z,sign-in,ana@example.com,ana@example.com,192.0.2.1,'=cmd|calc,r1,,"{""a"":""say \\""hi\\""""}"\r\n`,
    `2026-11-01T00:00:00.000Z,sign-in,ana@example.com,"a,b\nc",192.0.2.1,,r1,,"{""a"":""say \\""hi\\""""}"\r\n`,
  ]);
});

for (const start of ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
  test(`a field that begins with ${JSON.stringify(start)} is text to a spreadsheet`, async () => {
    const [, line = ''] = await collect(exportLines(entries({ actor: `${start}1+1` }), 'csv'));
    assert.match(line, /^[^,]+,sign-in,"?'/u);
  });
}

test('JSON lines are one object a line, with the time in ISO 8601', async () => {
  const [line = ''] = await collect(exportLines(entries({}), 'jsonl'));
  assert.ok(line.endsWith('}\n'));
  const { time, detail } = JSON.parse(line) as { time: string; detail: object };
  assert.deepEqual([time, detail], ['2026-11-01T00:00:00.000Z', { a: 'say "hi"' }]);
});
