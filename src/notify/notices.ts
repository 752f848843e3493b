/**
 * Owns the list of notices by audit action. To tell people of one more event: write it to the audit, which is all that the place
 * where it happens has to do, and give it an entry here. Webhooks get every event without an entry.
 */
import type { AuditAction } from '../audit/audit.ts';
import { accessRequested, keyDue, notDelivered, providerFailing, sweepStopped } from './administration-notices.ts';
import type { Notice } from './notice.ts';
import {
  copied,
  expiring,
  leaked,
  newMachine,
  newNetwork,
  newRobot,
  revokedInBulk,
  revokedOne,
} from './password-notices.ts';

export const notices: Readonly<Partial<Record<AuditAction, Notice>>> = {
  revocation: { readers: 'revoked', class: 'security', category: 'security', say: revokedInBulk },
  'password.revoke': { readers: 'owner', class: 'security', category: 'security', say: revokedOne },
  'password.leaked': { readers: 'owner', class: 'security', category: 'security', say: leaked },
  'password.new-address': { readers: 'owner', class: 'security', category: 'security', say: newNetwork },
  'terminal.copied': { readers: 'owner', class: 'security', category: 'security', say: copied },
  'terminal.collect': { readers: 'owner', class: 'security', category: 'security', say: newMachine },
  'robot.create': { readers: 'owner', class: 'security', category: 'security', say: newRobot },
  // While it fails, no one learns who has left: that is security, too.
  'provider.failing': { readers: 'administrators', class: 'security', category: 'security', say: providerFailing },
  'sweep.stop': { readers: 'administrators', class: 'security', category: 'security', say: sweepStopped },
  'key.due': { readers: 'administrators', class: 'digest', category: 'administration', say: keyDue },
  'request.create': { readers: 'administrators', class: 'digest', category: 'administration', say: accessRequested },
  'notification.failed': { readers: 'administrators', class: 'digest', category: 'administration', say: notDelivered },
};

/** Of passwords that end soon: reminders.ts plans these, one for each password and day. */
export const expiryTopic = 'password.expiring' satisfies AuditAction;

export function noticeOf(topic: string): Notice | null {
  if (topic === expiryTopic) return { readers: 'owner', class: 'digest', category: 'passwords', say: expiring };
  return Object.entries(notices).find(([action]) => action === topic)?.[1] ?? null;
}

/** The audit actions about notifications themselves are no one's news: a webhook that fails would tell of itself forever. */
export function isAboutNotifications(action: string): boolean {
  return action.startsWith('notification.');
}
