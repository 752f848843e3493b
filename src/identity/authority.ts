/** Owns which provider is the authority for which e-mail domain: an address counts only when that provider says it. */
import { normalizeDomain } from '../lib/domain.ts';
import type { Account } from '../store/accounts.ts';
import { splitEmail } from './email.ts';

/** A provider that people sign in with. No `domains`: all of them, which only the sole provider may have. */
export type Source = { readonly name: string; readonly domains: readonly string[] };

type AddressFacts = Pick<Account, 'kind' | 'provider' | 'issuer' | 'login' | 'email' | 'domain'>;

export type Authority = {
  /** Whether any account can be unvouched: false for a sole provider of every domain. */
  readonly isRestricted: boolean;
  /** Why the provider of this account doesn't vouch for its address; `null` where it does. */
  objectionTo(account: AddressFacts): string | null;
  /** The account as it counts now: disabled where its provider doesn't vouch for its address, whatever is stored. */
  judge<Row extends AddressFacts & Pick<Account, 'state' | 'state_reason' | 'state_at'>>(account: Row): Row;
};

/** @param importedIssuer of accounts that wait for their person, and have no domain but that of their address */
export function createAuthority(sources: readonly Source[], importedIssuer: string | null = null): Authority {
  const verifiedDomainOf = ({ domain, issuer, login }: AddressFacts): string =>
    normalizeDomain(domain ?? (issuer === importedIssuer ? splitEmail(login).domain : ''));
  const owners = new Map(
    sources.flatMap(({ name, domains }) => domains.map((domain) => [normalizeDomain(domain), name] as const)),
  );
  const objectionTo = (account: AddressFacts): string | null => {
    if (account.kind !== 'person' || owners.size === 0) return null;
    // Google's `hd` isn't always the domain of the address, so both have to be the provider's.
    const verified = verifiedDomainOf(account);
    for (const domain of domainsOf(account, verified)) {
      const owner = owners.get(domain);
      if (owner === account.provider) continue;
      if (owner !== undefined) return `${owner}, not ${account.provider}, is the authority for addresses of ${domain}`;
      if (domain === verified) return notVouched(account.provider, domain);
    }
    return null;
  };
  return {
    isRestricted: owners.size > 0,
    objectionTo,
    judge(account) {
      const objection = account.state === 'disabled' ? null : objectionTo(account);
      return objection === null ? account : { ...account, state: 'disabled', state_reason: objection };
    },
  };
}

function notVouched(provider: string, domain: string): string {
  if (domain === '') return `${provider} doesn't say that the account belongs to a domain`;
  return `no provider is the authority for addresses of ${domain}`;
}

/** What the provider verified, and that of the address. */
function domainsOf(account: AddressFacts, verified: string): readonly string[] {
  const suffix = normalizeDomain(splitEmail(account.email ?? account.login).domain);
  return [...new Set([verified, suffix])];
}
