/** Owns the list of all commands, in the groups and the order in which help shows them. */
import { auditCommands } from './audit.ts';
import { backupCommands } from './backup.ts';
import { shellCommands } from './completion.ts';
import { copyCommands } from './copy.ts';
import { doctorCommands } from './doctor.ts';
import { googleEventsCommands } from './google-events.ts';
import type { CommandGroup } from './help.ts';
import { importCommands } from './import.ts';
import { initCommands } from './init.ts';
import { keyCommands } from './key.ts';
import { kubernetesCommands } from './kubernetes.ts';
import { kubernetesNodeCommands } from './kubernetes-node.ts';
import { loginCommands } from './login.ts';
import { notificationCommands } from './notification.ts';
import { offBoardingCommands } from './off-boarding.ts';
import { passwordCommands } from './password.ts';
import { personCommands } from './person.ts';
import { policyCommands } from './policy.ts';
import { repositoryCommands } from './repository.ts';
import { requestCommands } from './request.ts';
import { revocationCommands } from './revocation.ts';
import { robotCommands } from './robot.ts';
import { serveCommands } from './serve.ts';
import { tokenDbCommands } from './token-db.ts';
import { workloadCommands } from './workload.ts';

export const commandGroups: readonly CommandGroup[] = [
  {
    title: 'Service',
    commands: [
      ...initCommands,
      ...serveCommands,
      ...doctorCommands,
      ...backupCommands,
      ...copyCommands,
      ...notificationCommands,
    ],
  },
  { title: 'Passwords', commands: [...loginCommands, ...passwordCommands] },
  {
    title: 'People',
    commands: [
      ...personCommands,
      ...requestCommands,
      ...revocationCommands,
      ...offBoardingCommands,
      ...googleEventsCommands,
    ],
  },
  {
    title: 'Robots and workloads',
    commands: [...robotCommands, ...workloadCommands, ...kubernetesCommands, ...kubernetesNodeCommands],
  },
  { title: 'Repositories', commands: repositoryCommands },
  { title: 'Policy', commands: policyCommands },
  { title: 'Keys', commands: keyCommands },
  { title: 'Audit and API', commands: auditCommands },
  { title: 'Migration from docker_auth', commands: [...importCommands, ...tokenDbCommands] },
  { title: 'Shell', commands: shellCommands(() => commandGroups) },
];
