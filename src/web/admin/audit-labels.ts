/** Owns what the actions of the audit are called, in the order of the filter. */
import type { AuditAction } from '../../audit/audit.ts';

export const actionLabels: Readonly<Record<AuditAction, string>> = {
  'sign-in': 'Signed in',
  'sign-in.refused': 'Sign-in refused',
  'sign-out': 'Signed out',
  'password.create': 'Password created',
  'password.import': 'Password imported from docker_auth',
  'password.first-use': 'Password first used',
  'password.new-address': 'Password used from a new address',
  'password.identity-token': 'Identity token issued for a password',
  'password.rotate': 'Password rotated',
  'password.adopt': 'Robot’s password adopted',
  'password.confirm-maker': 'Maker of a robot’s password confirmed',
  'password.revoke': 'Password revoked',
  'password.leaked': 'Password reported as leaked',
  revocation: 'Revoked by an administrator',
  'revocation.undo': 'Revocation undone',
  'person.disable': 'Account disabled',
  'person.enable': 'Account enabled',
  'person.end-sessions': 'Sessions ended',
  'person.remove': 'Account removed',
  'person.move': 'Issuer change allowed',
  'person.relink': 'Account relink allowed',
  'person.end-move': 'Move or relink no longer allowed',
  'person.follow': 'Account moved with its person',
  'person.free-login': 'Address returned to its owner',
  'person.suspend': 'Account suspended, as its address isn’t vouched for',
  'person.require-sign-in': 'Sign-in required again',
  'person.groups': 'Groups changed',
  'sweep.stop': 'Off-boarding stopped itself',
  'login.release': 'Name of a removed account released',
  'robot.create': 'Robot created',
  'robot.change': 'Robot changed',
  'robot.remove': 'Robot deleted',
  'api-token.create': 'API token created',
  'api-token.revoke': 'API token revoked',
  'terminal.approve': 'Terminal approved',
  'terminal.refuse': 'Terminal refused',
  'terminal.collect': 'Terminal signed in',
  'terminal.copied': 'Terminal ended: someone may have its secret',
  'machine.end': 'Machine signed out',
  'repository.delete-tag': 'Tag deleted',
  'repository.delete-manifest': 'Manifest deleted',
  'policy.reload': 'Policy loaded',
  'policy.refused': 'Policy file refused',
  'audit.read': 'Audit read',
  'installation.restore': 'Backup put into service',
  'policy.explain': 'Decision explained',
  'password.expiring': 'Passwords expire soon',
  'provider.failing': 'Sign-in with a provider fails',
  'key.due': 'Signing key needs attention',
  'notification.failed': 'Notification not delivered',
  'notification.retry': 'Notification tried again',
  'notification.preferences': 'Notifications chosen',
  'notification.test': 'Test notification sent',
  'workload.login': 'Workload logged in',
  'workload.exchange': 'ID token exchanged for a password',
  'workload.identity-token': 'Identity token issued to a job',
  'workload.leaked': 'Password of a workload reported as leaked',
  'workload.off': 'Workload issuer disabled',
  'workload.on': 'Workload issuer enabled',
  'workload.discard-keys': 'Keys of an issuer discarded',
  'key.rotate': 'Signing key changed',
  'key.authority': 'Certificate authority made',
};
export const actions = Object.keys(actionLabels).filter(isAuditAction);

export function isAuditAction(action: string): action is AuditAction {
  return Object.hasOwn(actionLabels, action);
}

/** Actions that take something away from someone, and refusals: shown in red. */
const grave: readonly AuditAction[] = [
  'sign-in.refused',
  'password.revoke',
  'password.leaked',
  'revocation',
  'person.disable',
  'person.remove',
  'sweep.stop',
  'api-token.revoke',
  'terminal.copied',
  'policy.refused',
  'repository.delete-tag',
  'repository.delete-manifest',
  'workload.leaked',
  'workload.off',
];

export function isGrave(action: AuditAction): boolean {
  return grave.includes(action);
}
