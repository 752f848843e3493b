/** Deleting at registries of every kind: what each can, what is in the audit, and in which order. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditEvent } from '../../src/audit/audit.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { rights } from '../../src/policy/repository-rights.ts';
import { createDeletion, type DeletionRequest } from '../../src/repositories/deletion.ts';
import type { Deleted, Registry } from '../../src/repositories/registry.ts';
import { somebody } from '../policy/asking.ts';
import { digest } from '../support/viewing.ts';

const viewer = { identity: somebody('ana@a.org'), context: { service: 'registry', address: '' } };
const by = { actor: 'ana@a.org', client: null };
const other = digest.replaceAll('a', 'b');

type Wish = {
  /** What it answers to a deletion of what isn't there. */
  readonly asked?: { readonly tag: Deleted; readonly manifest: Deleted };
  readonly deletes?: Deleted | Error;
  readonly tags?: Readonly<Record<string, string>>;
  readonly isAudited?: boolean;
};

function createScene(wish: Wish = {}) {
  const {
    asked = { tag: 'absent', manifest: 'absent' },
    deletes = 'deleted',
    tags = { one: digest, two: digest, other },
  } = wish;
  const story: string[] = [];
  const remove = async (what: 'tag' | 'manifest', reference: string): Promise<Deleted> => {
    const isThere = reference in tags || Object.values(tags).includes(reference);
    if (!isThere) return asked[what];
    story.push(`delete ${reference}`);
    if (deletes instanceof Error) throw deletes;
    return deletes;
  };
  const manifestOf = (reference: string) => {
    const found = tags[reference] ?? (Object.values(tags).includes(reference) ? reference : null);
    const nothing = { artifactType: null, subject: null, config: null, layers: [], children: [] };
    return found === null ? null : { digest: found, mediaType: 'application/json', at: 0, ...nothing };
  };
  const registry: Registry = {
    catalog: async () => ({ names: [], next: null }),
    tags: async () => Object.keys(tags),
    resolve: async (_repository, reference) => manifestOf(reference),
    manifest: async (_repository, reference) => manifestOf(reference),
    deleteTag: async (_repository, tag) => ({ outcome: await remove('tag', tag), at: 7 }),
    deleteManifest: async (_repository, reference) => ({ outcome: await remove('manifest', reference), at: 7 }),
  };
  const write = async ({ action, detail = {} }: AuditEvent): Promise<void> => {
    if (wish.isAudited === false) throw new Refusal('unavailable', 'the audit is away');
    story.push(`audit ${action}${detail['failed'] === undefined ? '' : ` failed: ${detail['failed']}`}`);
  };
  const deletion = createDeletion({
    registryOf: () => registry,
    visibility: { at: () => rights.pull | rights.delete },
    tags: { parents: async () => [] },
    audit: { write },
    onDeleted: async ({ tag, at }) => void story.push(`noted ${tag ?? 'manifest'} at ${at}`),
  });
  const act = async (what: DeletionRequest['what'], changes: Partial<DeletionRequest> = {}) => {
    const { digest: named, seen } = await deletion.preview(viewer, 'team/app', 'one');
    return deletion.act(viewer, 'team/app', { what, tag: 'one', digest: named, seen, ...changes }, by);
  };
  return { deletion, story, act };
}

const refused = (code: string, pattern: RegExp) => (error: unknown) =>
  error instanceof Refusal && error.code === code && pattern.test(error.message);

describe('a registry that deletes tags, as 3.x does', () => {
  test('the tag alone, and nobody else’s', async () => {
    const { story, act, deletion } = createScene();
    const preview = await deletion.preview(viewer, 'team/app', 'one');
    assert.deepEqual([preview.canDeleteTag, preview.tags], [true, ['one', 'two']]);
    await act('tag');
    assert.deepEqual(story, ['audit repository.delete-tag', 'delete one', 'noted one at 7']);
  });
  test('the manifest, with its tags in the audit', async () => {
    const { story, act } = createScene();
    await act('manifest');
    assert.deepEqual(story, ['audit repository.delete-manifest', `delete ${digest}`, 'noted manifest at 7']);
  });
});

test('2.8 deletes manifests only', async () => {
  const { story, act } = createScene({ asked: { tag: 'unsupported', manifest: 'absent' } });
  await assert.rejects(act('tag'), refused('conflict', /can’t delete a single tag/));
  assert.deepEqual(story, []);
});

test('one that deletes nothing says which setting to change', async () => {
  const { story, act } = createScene({ asked: { tag: 'disabled', manifest: 'disabled' } });
  await assert.rejects(act('manifest'), refused('conflict', /storage\.delete\.enabled/));
  assert.deepEqual(story, []);
});

test('nothing is deleted that the audit can’t record', async () => {
  const { story, act } = createScene({ isAudited: false });
  await assert.rejects(act('manifest'), refused('unavailable', /audit/));
  assert.deepEqual(story, []);
});

describe('what failed is in the audit as failed', () => {
  const cases: readonly [deletes: Deleted | Error, why: string][] = [
    ['absent', 'absent'],
    ['disabled', 'disabled'],
    [new Refusal('bad_gateway', 'The registry could not be read'), 'no answer'],
  ];
  for (const [deletes, why] of cases) {
    test(why, async () => {
      const { story, act } = createScene({ deletes });
      await assert.rejects(act('tag'), Refusal);
      const action = 'audit repository.delete-tag';
      assert.deepEqual(story, [action, 'delete one', `${action} failed: ${why}`]);
    });
  }
});

test('another digest, or other tags than in the preview, and nothing is deleted', async () => {
  const { story, act } = createScene();
  await assert.rejects(act('tag', { digest: other }), refused('conflict', /has moved/));
  await assert.rejects(
    act('manifest', { seen: 'something else' }),
    refused('conflict', /have changed since the preview/),
  );
  assert.deepEqual(story, []);
});

test('with too many tags to look at, only tags are deleted', async () => {
  const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`t${n}`, other]));
  const { story, act, deletion } = createScene({ tags: { ...many, one: digest } });
  assert.equal((await deletion.preview(viewer, 'team/app', 'one')).tags, null);
  await assert.rejects(act('manifest'), refused('conflict', /more than 1000 tags/));
  await act('tag');
  assert.deepEqual(story, ['audit repository.delete-tag', 'delete one', 'noted one at 7']);
});

test('names and tags that no registry has are never asked for', async () => {
  const { deletion } = createScene();
  for (const [name, tag] of [
    ['../x', 'one'],
    ['team/app', '../../y'],
    ['Team', 'one'],
  ] as const) {
    await assert.rejects(deletion.preview(viewer, name, tag), refused('not_found', /./));
  }
});
