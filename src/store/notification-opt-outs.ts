/** Owns every statement on `notification_opt_out`: what people have unsubscribed from. */
import { type AuditRowOf, addRow } from './audit-events.ts';
import type { Sql } from './sql.ts';

export type NotificationOptOutStore = {
  of(accountId: string): Promise<{ readonly category: string }[]>;
  /** Makes these what the account has unsubscribed from. Nothing happens where there is no such account. */
  set(accountId: string, categories: readonly string[], at: number, audit: AuditRowOf): Promise<boolean>;
};

const insert = `
  insert into notification_opt_out (account_id, category, at)
  select cast($1 as text), cast($2 as text), cast($3 as bigint) where exists (select 1 from account where id = $1)
  on conflict (account_id, category) do nothing`;

/** Also queues those who change the same account. */
const lock = "update account set state = state where id = $1 and kind = 'person'";

export function createNotificationOptOutStore(sql: Sql): NotificationOptOutStore {
  return {
    of: (accountId) =>
      sql.all<{ category: string }>(
        'select category from notification_opt_out where account_id = $1 order by category',
        [accountId],
      ),
    set: (accountId, categories, at, audit) =>
      sql.atomic(function* () {
        const found = yield { text: lock, values: [accountId] };
        if (found === 0) return false;
        yield { text: 'delete from notification_opt_out where account_id = $1', values: [accountId] };
        for (const category of categories) yield { text: insert, values: [accountId, category, at] };
        yield* addRow(audit(found));
        return true;
      }),
  };
}
