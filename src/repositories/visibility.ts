/**
 * Owns who sees which repositories: the policy's decision about each name, kept for as long as everything that it depends on
 * stays the same. It's asked again when the policy, the person's groups or account, or their password's limits change.
 */
import { LRUCache } from 'lru-cache';
import type { Identity } from '../identity/identity.ts';
import type { Policy } from '../policy/acl.ts';
import type { DecisionContext } from '../policy/decide.ts';
import { createRightsOf, looksAtAddresses, rights } from '../policy/repository-rights.ts';
import type { Known, KnownRepositories } from './known.ts';
import type { Turns } from './turns.ts';

/** Who looks, with the limits of their password if they came with one, and where from. */
export type Viewer = { readonly identity: Identity; readonly context: DecisionContext };

export type Visible = {
  readonly known: Known;
  /** What the viewer can do at a row of `known`, as the bits of `rights`. */
  rightsAt(row: number): number;
};

export type Visibility = {
  /** What a viewer can do at each repository of a service. */
  of(viewer: Viewer): Promise<Visible>;
  /** The same for one name, known or not. */
  at(viewer: Viewer, name: string): number;
};

/** The decisions of one viewer, by slot; 0 where there is none yet. */
type Decisions = { readonly generation: object; bits: Uint8Array; completeFor: Known | null };

const isDecided = 1 << 7;
const allRights = rights.pull | rights.push | rights.delete;
/** Bytes of decisions that are kept: those of 300 viewers of 100,000 repositories. Beyond it the oldest go. */
const maximumKept = 32 * 1_024 * 1_024;
/** Names that are decided without waiting for a turn: that takes less time than a page does. */
const decidedAtOnce = 200;

export type VisibilityParts = {
  /** The policy in force. */
  readonly policy: () => Policy;
  readonly known: KnownRepositories;
  readonly turns: Turns;
};

export function createVisibility(parts: VisibilityParts): Visibility {
  const kept = new LRUCache<string, Decisions>({ maxSize: maximumKept });
  let keptFor: Policy | null = null;

  const decisionsFor = (key: string, { generation, slotCount }: Known): Decisions => {
    const before = kept.get(key);
    const decisions =
      before?.generation === generation ? before : { generation, bits: new Uint8Array(0), completeFor: null };
    if (decisions.bits.length < slotCount) decisions.bits = grown(decisions.bits, slotCount);
    kept.set(key, decisions, { size: decisions.bits.length + 2 * key.length });
    return decisions;
  };

  /** @returns `null` where the policy changed meanwhile */
  const decideAll = async (viewer: Viewer, known: Known, policy: Policy): Promise<Decisions | null> => {
    if (policy !== keptFor) kept.clear();
    keptFor = policy;
    const decisions = decisionsFor(keyOf(viewer, policy), known);
    if (decisions.completeFor === known) return decisions;
    const rightsOf = createRightsOf(policy, viewer.identity, viewer.context);
    let turn = { isOver: createCounter(decidedAtOnce) };
    for (let row = 0; row < known.rows.length; row += 1) {
      const slot = known.slots[row] ?? 0;
      if (decisions.bits[slot] !== 0) continue;
      if (turn.isOver()) {
        turn = await parts.turns.next();
        if (parts.policy() !== policy) return null;
      }
      decisions.bits[slot] = rightsOf(known.rows[row]?.name ?? '') | isDecided;
    }
    decisions.completeFor = known;
    return decisions;
  };

  return {
    async of(viewer) {
      for (;;) {
        const policy = parts.policy();
        const known = await parts.known.of(viewer.context.service);
        const decisions = parts.policy() === policy ? await decideAll(viewer, known, policy) : null;
        if (decisions === null) continue;
        return { known, rightsAt: (row) => (decisions.bits[known.slots[row] ?? 0] ?? 0) & allRights };
      }
    },
    at: ({ identity, context }, name) => createRightsOf(parts.policy(), identity, context)(name),
  };
}

/** With room for those that come next. */
function grown(bits: Uint8Array, slots: number): Uint8Array {
  const larger = new Uint8Array(Math.ceil(slots * 1.1) + 16);
  larger.set(bits);
  return larger;
}

function createCounter(count: number): () => boolean {
  let left = count;
  return () => left-- <= 0;
}

/**
 * Everything that a decision depends on besides the policy. Which password it was, and when groups were reported, decides
 * nothing, so people who can do the same with two passwords share one entry.
 */
function keyOf({ identity, context }: Viewer, policy: Policy): string {
  const { service, address } = context;
  const maker = identity.maker && { ...identity.maker, identity: decisive(identity.maker.identity) };
  const who = { ...decisive(identity), maker };
  return JSON.stringify([service, looksAtAddresses(policy) ? address : '', who]);
}

function decisive(identity: Identity): Identity {
  return { ...identity, credential: null, accountId: null, workload: null, groupsAt: null };
}
