/** Owns the event of a decision that someone had explained: the same from the page and the API. */
import type { DecisionContext } from '../policy/decide.ts';
import { type Access, formatScope } from '../scope.ts';
import type { AuditEvent } from './audit.ts';

/** @param who '' for someone without credentials */
export function explainedEvent(
  who: string,
  access: Access,
  { service, address }: DecisionContext,
): Pick<AuditEvent, 'action' | 'subject' | 'repository' | 'detail'> {
  return {
    action: 'policy.explain',
    subject: who === '' ? 'anonymous' : who,
    ...(access.type === 'repository' && { repository: access.name }),
    detail: { scope: formatScope(access), service, address },
  };
}
