/** Every fault, in the order in which they are staged. */
import { clock } from './clock.ts';
import { fullCheckpoint, fullDisk, fullPostgres, readOnly } from './disk.ts';
import { fuzz } from './fuzz.ts';
import { kill } from './kill.ts';
import { killAdmin } from './kill-admin.ts';
import { killBulk } from './kill-bulk.ts';
import { killMail } from './kill-mail.ts';
import { memory } from './memory.ts';
import { flood, halfAnswers, slowLoris } from './network.ts';
import { postgresTroubles, standby } from './postgres.ts';
import { provider } from './provider.ts';
import { registryEvents } from './registry-events.ts';
import type { Fault } from './scene.ts';
import { scopes } from './scopes.ts';
import { signInFlood } from './sign-in-flood.ts';
import { signIns } from './sign-ins.ts';
import { terminals } from './terminals.ts';
import { timing } from './timing.ts';
import { workers } from './workers.ts';

export const faults: readonly Fault[] = [
  kill,
  killAdmin,
  killBulk,
  killMail,
  registryEvents,
  fullDisk,
  fullCheckpoint,
  fullPostgres,
  readOnly,
  postgresTroubles,
  standby,
  clock,
  provider,
  flood,
  scopes,
  slowLoris,
  halfAnswers,
  fuzz,
  workers,
  signIns,
  terminals,
  signInFlood,
  timing,
  memory,
];
