/** Every fault, in the order in which they are staged. */
import { clock } from './clock.ts';
import { fullDisk, fullPostgres, readOnly } from './disk.ts';
import { fuzz } from './fuzz.ts';
import { kill } from './kill.ts';
import { killBulk } from './kill-bulk.ts';
import { memory } from './memory.ts';
import { flood, halfAnswers, slowLoris } from './network.ts';
import { provider } from './provider.ts';
import type { Fault } from './scene.ts';
import { scopes } from './scopes.ts';
import { signIns } from './sign-ins.ts';
import { timing } from './timing.ts';

export const faults: readonly Fault[] = [
  kill,
  killBulk,
  fullDisk,
  fullPostgres,
  readOnly,
  clock,
  provider,
  flood,
  scopes,
  slowLoris,
  halfAnswers,
  fuzz,
  signIns,
  timing,
  memory,
];
