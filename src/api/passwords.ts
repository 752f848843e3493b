/** Owns the operations of the API on passwords: what ends soon, revocation, what its holder reports as leaked. */
import type { Revocations } from '../accounts/revocations.ts';
import type { Selection } from '../accounts/selection.ts';
import type { AppPasswords } from '../app-passwords/app-passwords.ts';
import type { LeakReports } from '../app-passwords/leaks.ts';
import { Refusal } from '../lib/errors.ts';
import { secretKinds } from '../lib/secret.ts';
import { requireValue } from './checks.ts';
import type { ApiField, Input } from './input.ts';
import type { ApiRoute } from './route.ts';

const selectionFields: readonly ApiField[] = [
  { name: 'passwordId', type: 'string', about: 'one password' },
  { name: 'accountId', type: 'string', about: 'all of one account' },
  { name: 'domain', type: 'string', about: 'of a verified domain' },
  { name: 'group', type: 'string', about: 'of a group: of the provider with its prefix, or of the policy file' },
  { name: 'provider', type: 'string', about: 'of a provider' },
  { name: 'createdBefore', type: 'integer', about: 'epoch milliseconds' },
  { name: 'unusedSince', type: 'integer', about: 'epoch milliseconds; not used since, though made before' },
];
const reason: ApiField = { name: 'reason', type: 'string', about: 'told to the owners' };
const expected: ApiField = {
  name: 'expected',
  type: 'integer',
  about: 'how many the preview showed; refused where it is another number now',
};

const prefixes = new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(secretKinds.map((kind) => `${kind}_`));

/** Days, unless the request says. */
const soon = 14;

type PasswordParts = {
  readonly passwords: Pick<AppPasswords, 'expiring'>;
  readonly leaks: LeakReports;
  readonly revocations: Revocations;
};

export function passwordRoutes({ passwords, leaks, revocations }: PasswordParts): ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/passwords/expiring',
      scope: 'passwords:read',
      summary: 'Active passwords that end soon, the next first',
      query: [{ name: 'days', type: 'integer', about: `within so many days, at most 3650; ${soon} where left out` }],
      run: async ({ query }) => ({ passwords: await passwords.expiring(query.integer('days') ?? soon) }),
    },
    ...revocationRoutes(revocations),
    {
      method: 'post',
      path: '/leaked',
      scope: null,
      summary: 'Revoke a secret that the caller holds, for good',
      body: [
        {
          name: 'secret',
          type: 'string',
          about: `the whole of it, whatever it begins with: ${prefixes}`,
          required: true,
        },
      ],
      async run({ body, by }) {
        const found = by.client !== null && (await leaks.report(body.requiredText('secret'), by.client));
        if (!found) throw new Refusal('not_found', 'No one here has this secret. Send the whole secret.');
        return { revoked: true };
      },
    },
  ];
}

function revocationRoutes(revocations: Revocations): ApiRoute[] {
  return [
    {
      method: 'post',
      path: '/revocations/preview',
      scope: 'passwords:read',
      summary: 'What a revocation would stop: passwords, people, and what used them in 30 days',
      body: selectionFields,
      run: ({ body }) => revocations.preview(readSelection(body)),
    },
    {
      method: 'post',
      path: '/revocations',
      scope: 'passwords:revoke',
      summary:
        'Revoke all active passwords to which everything that is given applies; it can be undone for 24 hours. Approved terminals of their owners that have yet to collect a password get none',
      body: [...selectionFields, expected, reason],
      run: ({ body, by }) =>
        revocations.revoke(readSelection(body), body.integer('expected') ?? null, body.text('reason') ?? '', by),
    },
    {
      method: 'get',
      path: '/revocations',
      scope: 'passwords:read',
      summary: 'The latest revocations',
      run: async () => ({ revocations: await revocations.recent() }),
    },
    {
      method: 'post',
      path: '/revocations/{id}/undo',
      scope: 'passwords:revoke',
      summary: 'Let the passwords work again',
      run: async ({ param, by }) => ({ restored: await revocations.undo(param('id'), by) }),
    },
  ];
}

/** @throws {Refusal} `bad_request` for an empty value: someone's variable was empty, and without it more would be revoked than was meant */
function readSelection(body: Input): Selection {
  const text = (field: string) => requireValue(field, body.text(field));
  const time = (field: string) => requireValue(field, body.integer(field));
  return {
    ...(body.has('passwordId') && { passwordId: text('passwordId') }),
    ...(body.has('accountId') && { accountId: text('accountId') }),
    ...(body.has('domain') && { domain: text('domain') }),
    ...(body.has('group') && { group: text('group') }),
    ...(body.has('provider') && { provider: text('provider') }),
    ...(body.has('createdBefore') && { createdBefore: time('createdBefore') }),
    ...(body.has('unusedSince') && { unusedSince: time('unusedSince') }),
  };
}
