/** Whose turn it is among nodes: one at a time, the next after one that died, and nobody after one that failed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Send } from '../../src/kubernetes/api.ts';
import { inTurn, type LeaseParts } from '../../src/kubernetes/lease.ts';

type Lease = {
  metadata: { resourceVersion: string; annotations: Record<string, string> };
  spec: { holderIdentity?: string; renewTime?: string };
};

/** An API server with one Lease, and a clock that goes on when someone sleeps. */
function createCluster() {
  let lease: Lease = {
    metadata: { resourceVersion: '1', annotations: { 'meta.helm.sh/release-name': 'r' } },
    spec: {},
  };
  let time = 0;
  const send: Send = async ({ method, body = '' }) => {
    if (method === 'PUT') {
      const sent = JSON.parse(body) as Lease;
      if (sent.metadata.resourceVersion !== lease.metadata.resourceVersion) return { status: 409, body: {} };
      lease = {
        ...sent,
        metadata: { ...sent.metadata, resourceVersion: String(Number(sent.metadata.resourceVersion) + 1) },
      };
    }
    return { status: 200, body: structuredClone(lease) };
  };
  const clock = {
    now: () => time,
    async sleep(milliseconds: number) {
      time += milliseconds;
      await new Promise(setImmediate);
    },
  };
  const partsOf = (holder: string, fingerprint = 'a'): LeaseParts => ({
    cluster: { server: 'https://10.0.0.1', ca: null, token: 't', client: null },
    ...{
      send,
      clock,
      lease: 'test/dockpass-node',
      holder,
      fingerprint,
      concernsAll: (error) => error instanceof TypeError,
    },
  });
  return {
    partsOf,
    clock,
    lease: () => lease,
    hold: (holderIdentity: string) => {
      lease.spec = { holderIdentity, renewTime: 'some time' };
    },
  };
}

test('of many nodes, one works at a time, and each gets its turn', async () => {
  const { partsOf, clock, lease } = createCluster();
  let [working, most, done] = [0, 0, 0];
  const nodes = ['a', 'b', 'c', 'd', 'e'].map((node) =>
    inTurn(partsOf(node), async () => {
      most = Math.max(most, ++working);
      await clock.sleep(5000);
      working--;
      done++;
    }),
  );
  await Promise.all(nodes);
  assert.deepEqual([most, done], [1, 5]);
  assert.deepEqual(lease().spec, {});
  assert.deepEqual(lease().metadata.annotations, { 'meta.helm.sh/release-name': 'r' });
});

test('after a node that the kubelet of refused the change, nobody tries the same; another change is tried', async () => {
  const { partsOf, lease } = createCluster();
  const failing = inTurn(partsOf('a'), async () => {
    throw new TypeError('The kubelet was not healthy.');
  });
  await assert.rejects(failing, TypeError);
  const next = inTurn(partsOf('b'), async () => assert.fail('it must not try'));
  await assert.rejects(
    next,
    /failed on a: The kubelet was not healthy\. Change the configuration.*kubectl annotate lease -n test dockpass-node/,
  );
  assert.equal(await inTurn(partsOf('b', 'another'), async () => 'done'), 'done');
  assert.deepEqual(lease().metadata.annotations, { 'meta.helm.sh/release-name': 'r' });
});

test('a node with a trouble of its own stops nobody', async () => {
  const { partsOf } = createCluster();
  const own = inTurn(partsOf('a'), async () => {
    throw new Error('it has no kubelet');
  });
  await assert.rejects(own, /no kubelet/);
  assert.equal(await inTurn(partsOf('b'), async () => 'done'), 'done');
});

test('the turn of a node that is gone ends after five minutes, and its own goes on', async () => {
  const { partsOf, clock, hold } = createCluster();
  hold('gone');
  await inTurn(partsOf('b'), async () => {});
  assert.ok(clock.now() > 300_000 && clock.now() < 400_000, String(clock.now()));
  hold('b');
  const before = clock.now();
  await inTurn(partsOf('b'), async () => {});
  assert.equal(clock.now(), before);
});
