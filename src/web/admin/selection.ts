/** Owns how a selection of passwords is written in an address and in words. */
import type { Selection } from '../../accounts/selection.ts';
import { dateOf } from '../../lib/time.ts';
import { dayOf, type Fields } from '../fields.ts';

/** As they are in the query and in the form; '' if not given. `before` and `unused` are days. */
export type SelectionFields = Readonly<
  Record<'password' | 'account' | 'domain' | 'group' | 'provider' | 'before' | 'unused', string>
>;

export function fieldsOfSelection(field: Fields): SelectionFields {
  return {
    password: field('password'),
    account: field('account'),
    domain: field('domain'),
    group: field('group'),
    provider: field('provider'),
    before: field('before'),
    unused: field('unused'),
  };
}

export function selectionOf(fields: SelectionFields): Selection {
  const { password, account, domain, group, provider } = fields;
  const createdBefore = dayOf(fields.before);
  const unusedSince = dayOf(fields.unused);
  return {
    ...(password !== '' && { passwordId: password }),
    ...(account !== '' && { accountId: account }),
    ...(domain !== '' && { domain }),
    ...(group !== '' && { group }),
    ...(provider !== '' && { provider }),
    ...(createdBefore !== null && { createdBefore }),
    ...(unusedSince !== null && { unusedSince }),
  };
}

export function isEmpty(selection: Selection): boolean {
  return Object.keys(selection).length === 0;
}

/** "domain example.org, not used since 2026-08-01" */
export function describeSelection(selection: Selection): string {
  const { passwordId, accountId, domain, group, provider, createdBefore, unusedSince } = selection;
  return [
    ...(passwordId === undefined ? [] : ['one password']),
    ...(accountId === undefined ? [] : ['one account']),
    ...(domain === undefined ? [] : [`domain ${domain}`]),
    ...(group === undefined ? [] : [`group ${group}`]),
    ...(provider === undefined ? [] : [`provider ${provider}`]),
    ...(createdBefore === undefined ? [] : [`created before ${dateOf(createdBefore)}`]),
    ...(unusedSince === undefined ? [] : [`not used since ${dateOf(unusedSince)}`]),
  ].join(', ');
}
