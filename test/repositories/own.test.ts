/** Whose names people see: ACTIVITY_NAMES, for each kind of account. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ActivityNames, nameOf, type Reader } from '../../src/repositories/shown-names.ts';
import type { ActorKind, Who } from '../../src/store/repository-rows.ts';

const who = (kind: ActorKind, login: string | null = `a ${kind}`): Who => ({
  ...{ actor_kind: kind, actor_login: login, actor_account_id: kind === 'person' ? 'bo' : null },
});
const ana: Reader = { accountId: 'ana' };
const bo: Reader = { accountId: 'bo' };
const administrator: Reader = null;

describe('a name is shown', () => {
  const cases: readonly [
    what: string,
    names: ActivityNames,
    reader: Reader,
    actor: Who,
    pushed: unknown,
    pulled: unknown,
  ][] = [
    ['of who pushed, by default', 'pushes', ana, who('person'), 'a person', null],
    ['of a robot that pushed', 'administrators', ana, who('robot'), 'a robot', null],
    ['of no person where only administrators see names', 'administrators', ana, who('person'), null, null],
    ['of everyone, with all', 'all', ana, who('person'), 'a person', 'a person'],
    ['as one’s own, always', 'administrators', bo, who('person'), 'you', 'you'],
    ['to administrators, always', 'administrators', administrator, who('person'), 'a person', 'a person'],
    ['without one, of nobody', 'all', ana, who('unknown', null), null, null],
    [
      'for an account that is gone',
      'all',
      ana,
      who('deleted', null),
      'an account that was removed',
      'an account that was removed',
    ],
  ];
  for (const [what, names, reader, actor, pushed, pulled] of cases) {
    test(what, () => {
      assert.equal(nameOf(actor, reader, names, 'push'), pushed);
      assert.equal(nameOf(actor, reader, names, 'pull'), pulled);
    });
  }
});
