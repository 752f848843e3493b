/** Owns the list of the commands beside those that serve, in the order in which help shows them. */
import { auditCommands } from './audit.ts';
import { backupCommands } from './backup.ts';
import type { Command } from './command.ts';
import { copyCommands } from './copy.ts';
import { doctorCommands } from './doctor.ts';
import { googleEventsCommands } from './google-events.ts';
import { importCommands } from './import.ts';
import { initCommands } from './init.ts';
import { keyCommands } from './key.ts';
import { kubernetesCommands } from './kubernetes.ts';
import { kubernetesNodeCommands } from './kubernetes-node.ts';
import { loginCommands } from './login.ts';
import { offBoardingCommands } from './off-boarding.ts';
import { passwordCommands } from './password.ts';
import { personCommands } from './person.ts';
import { policyCommands } from './policy.ts';
import { robotCommands } from './robot.ts';
import { tokenDbCommands } from './token-db.ts';
import { workloadCommands } from './workload.ts';

export const otherCommands: readonly Command[] = [
  ...loginCommands,
  ...initCommands,
  ...passwordCommands,
  ...personCommands,
  ...robotCommands,
  ...auditCommands,
  ...offBoardingCommands,
  ...googleEventsCommands,
  ...keyCommands,
  ...kubernetesCommands,
  ...kubernetesNodeCommands,
  ...policyCommands,
  ...workloadCommands,
  ...importCommands,
  ...tokenDbCommands,
  ...doctorCommands,
  ...backupCommands,
  ...copyCommands,
];
