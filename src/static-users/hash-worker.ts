/** Runs in a thread of its own: compares passwords with bcrypt hashes, one after the other. */

import { parentPort } from 'node:worker_threads';
import bcrypt from 'bcryptjs';
import { errorMessage } from '../lib/errors.ts';

export type Comparison = { readonly id: number; readonly password: string; readonly hash: string };
export type Compared = { readonly id: number } & ({ readonly matches: boolean } | { readonly error: string });

parentPort?.on('message', ({ id, password, hash }: Comparison) => {
  parentPort?.postMessage(compare(id, password, hash));
});

function compare(id: number, password: string, hash: string): Compared {
  try {
    return { id, matches: bcrypt.compareSync(password, hash) };
  } catch (error) {
    return { id, error: errorMessage(error) };
  }
}
