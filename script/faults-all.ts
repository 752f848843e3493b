/** Every fault, in the order in which they are staged. */
import { clock } from './faults-clock.ts';
import { fullDisk, fullPostgres, readOnly } from './faults-disk.ts';
import { fuzz } from './faults-fuzz.ts';
import { kill } from './faults-kill.ts';
import { killBulk } from './faults-kill-bulk.ts';
import { memory } from './faults-memory.ts';
import { flood, halfAnswers, slowLoris } from './faults-network.ts';
import { provider } from './faults-provider.ts';
import type { Fault } from './faults-scene.ts';
import { signIns } from './faults-sign-ins.ts';
import { timing } from './faults-timing.ts';

export const faults: readonly Fault[] = [
  kill,
  killBulk,
  fullDisk,
  fullPostgres,
  readOnly,
  clock,
  provider,
  flood,
  slowLoris,
  halfAnswers,
  fuzz,
  signIns,
  timing,
  memory,
];
