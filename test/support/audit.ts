/** Owns audits for tests: one that collects its events in memory, and the word for a change that needs none. */

import assert from 'node:assert/strict';
import { type Audit, type AuditAction, type AuditBuffer, type AuditEvent, createAudit } from '../../src/audit/audit.ts';
import type { AuditStore } from '../../src/store/audit-events.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** For what a test changes in the store by itself. */
export const unaudited = (): null => null;

/** An audit that also collects the events of what was changed, in their order. */
export function collectingAudit(
  events: AuditEvent[],
  store: Pick<AuditStore, 'add'> = { add: async () => {} },
  now: () => number = () => 0,
  isAnnounced: (action: AuditAction) => boolean = () => false,
): Audit & AuditBuffer {
  const audit = createAudit(store, silent, now, ({ error }) => assert.ifError(error), isAnnounced);
  return {
    async write(event) {
      await audit.write(event);
      events.push(event);
    },
    async commit(event, change) {
      const made: AuditEvent[] = [];
      const result = await audit.commit((changed) => {
        const one = typeof event === 'function' ? event(changed as never) : event;
        if (one !== null) made.push(one);
        return one;
      }, change);
      events.push(...made);
      return result;
    },
    record(event) {
      events.push(event);
      audit.record(event);
    },
    flush: audit.flush,
  };
}
