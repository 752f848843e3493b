/** Owns whose turn it is among the nodes of a cluster: one at a time, by a Lease, and no one after one that failed. */
import { errorMessage, Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import type { Cluster } from '../workload/cluster.ts';
import { type Answer, callCluster, reasonOf, type Send } from './api.ts';
import type { Clock } from './kubelet.ts';

export type LeaseParts = {
  readonly cluster: Cluster;
  readonly send: Send;
  readonly clock: Clock;
  /** NAMESPACE/NAME; the chart makes it. */
  readonly lease: string;
  /** Whose turn is asked for: the node's name. */
  readonly holder: string;
  /** What is being done, in a hash: a failure stands in the way of the same only. */
  readonly fingerprint: string;
  /** Whether what was thrown would happen on the next node as well. */
  readonly concernsAll: (error: unknown) => boolean;
};

/** More than a change, its patience and the way back take: a node that holds it longer is gone. Seconds. */
const duration = 300;
const interval = 3000;
const failedWhat = 'dockpass/failed-configuration';
const failedWhy = 'dockpass/failed';

/**
 * Waits for its turn, works, and hands on. Where it fails for a reason that concerns all, they are kept from the same configuration.
 * @throws {Refusal} where it failed on another node before, and what `work` throws
 */
export async function inTurn<Result>(parts: LeaseParts, work: () => Promise<Result>): Promise<Result> {
  await takeTurn(parts);
  try {
    const result = await work();
    await end(parts, {});
    return result;
  } catch (error) {
    // The first error counts. Without the mark the next node tries, too.
    await end(parts, parts.concernsAll(error) ? marksOf(parts, error) : {}).catch(() => {});
    throw error;
  }
}

function marksOf({ holder, fingerprint }: LeaseParts, error: unknown): Readonly<Record<string, string>> {
  return { [failedWhat]: fingerprint, [failedWhy]: `${holder}: ${errorMessage(error)}`.slice(0, 500) };
}

async function takeTurn(parts: LeaseParts): Promise<void> {
  const { clock, holder, fingerprint } = parts;
  for (let seen = '', since = clock.now(); ; await clock.sleep(interval)) {
    const found = await read(parts);
    const { annotations } = fieldsIn(found.body['metadata']);
    const { [failedWhat]: failed, [failedWhy]: why } = fieldsIn(annotations);
    if (failed === fingerprint) {
      throw new Refusal(
        'conflict',
        `It failed on ${String(why)} Change the configuration, or try the same again: kubectl annotate lease -n ${parts.lease.replace('/', ' ')} ${failedWhat}-`,
      );
    }
    const { holderIdentity, renewTime } = fieldsIn(found.body['spec']);
    const state = `${String(holderIdentity)} ${String(renewTime)}`;
    // Clocks of nodes differ: what counts is how long nothing has changed here.
    if (state !== seen) [seen, since] = [state, clock.now()];
    const isFree = typeof holderIdentity !== 'string' || ['', holder].includes(holderIdentity);
    if ((isFree || clock.now() - since > duration * 1000) && (await write(parts, found, holder, annotations))) return;
  }
}

/** @param marks of a failure; annotations of others stay */
async function end(parts: LeaseParts, marks: Readonly<Record<string, string>>): Promise<void> {
  // Someone else's change between reading and writing: once more.
  for (let tries = 0; tries < 5; tries++) {
    const found = await read(parts);
    const { [failedWhat]: _, [failedWhy]: __, ...others } = fieldsIn(fieldsIn(found.body['metadata'])['annotations']);
    if (await write(parts, found, '', { ...others, ...marks })) return;
  }
}

async function read(parts: LeaseParts): Promise<Answer> {
  // The API server can be away for a moment while the kubelet of its own node starts.
  for (let tries = 1; ; tries++) {
    const found = await callCluster(parts, 'GET', pathOf(parts)).catch((error: unknown) => {
      if (tries === 20) throw error;
    });
    if (found?.status === 200) return found;
    if (found !== undefined && (found.status < 500 || tries === 20))
      throw new Refusal('bad_gateway', `The Lease ${parts.lease} can't be read: ${reasonOf(found)}.`);
    await parts.clock.sleep(interval);
  }
}

/** @returns false where someone else was faster */
async function write(parts: LeaseParts, found: Answer, holder: string, annotations: unknown): Promise<boolean> {
  const now = new Date(parts.clock.now()).toISOString().replace('Z', '000Z'); // MicroTime
  const body = {
    ...found.body,
    metadata: { ...fieldsIn(found.body['metadata']), annotations },
    spec:
      holder === '' ? {} : { holderIdentity: holder, leaseDurationSeconds: duration, acquireTime: now, renewTime: now },
  };
  const { status, body: answer } = await callCluster(parts, 'PUT', pathOf(parts), body);
  if (status === 200) return true;
  if (status === 409) return false;
  throw new Refusal('bad_gateway', `The Lease ${parts.lease} can't be written: ${reasonOf({ status, body: answer })}.`);
}

function pathOf({ lease }: LeaseParts): string {
  const [namespace = '', name = ''] = lease.split('/');
  return `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases/${encodeURIComponent(name)}`;
}
