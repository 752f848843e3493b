/** Owns the keys of a copy that is tried: made for the process, stored nowhere, trusted by no registry. */
import type { SigningKeyRow, SigningKeyStore } from '../store/signing-keys.ts';
import { type KeyParts, type Keys, openKeys } from './keys.ts';

export function openTrialKeys(parts: Omit<KeyParts, 'store' | 'writes' | 'serves' | 'before'>): Promise<Keys> {
  const rings = parts.rings.map((ring) => ({ ...ring, own: null }));
  return openKeys({ ...parts, rings, store: createForgetfulStore(), writes: false, serves: true, before: () => null });
}

function createForgetfulStore(): SigningKeyStore {
  let rows: readonly SigningKeyRow[] = [];
  const find = (ring: string, number: number) => rows.find((row) => row.ring === ring && row.number === number);
  const replace = (row: SigningKeyRow, changes: Partial<SigningKeyRow>): true => {
    rows = rows.map((other) => (other === row ? { ...row, ...changes } : other));
    return true;
  };
  return {
    ofRing: async (ring) => rows.filter((row) => row.ring === ring).toSorted((a, b) => a.number - b.number),
    async add(row) {
      if (find(row.ring, row.number) !== undefined) return false;
      rows = [...rows, row];
      return true;
    },
    async schedule(ring, number, signsFrom) {
      const row = find(ring, number);
      if (row === undefined || (row.signs_from !== null && row.signs_from <= signsFrom)) return false;
      return replace(row, { signs_from: signsFrom });
    },
    async replaceSeal(ring, number, before, after) {
      const row = find(ring, number);
      return row?.sealed_key === before && replace(row, { sealed_key: after });
    },
    async remove(ring, number) {
      const row = find(ring, number);
      rows = rows.filter((other) => other !== row);
      return row !== undefined;
    },
  };
}
