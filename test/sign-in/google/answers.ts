/** Owns Google's answers as its documentation and public reports have them, and what Dockpass makes of each. docs/providers.md has this table. */
import type { GroupStrategy } from '../../../src/sign-in/google/group-lookup.ts';
import { type Reply, refusal, unauthorized } from '../../support/directory.ts';
import { demoPeople } from '../../support/provider.ts';

const demoId = demoPeople[0]?.sub ?? '';

export type AnswerCase = {
  /** Which call is answered. */
  readonly to: keyof typeof calls;
  readonly reply: Reply;
  /** How the docs quote the reply, where it isn't itself. */
  readonly about?: string;
  /** `direct` where left out. */
  readonly strategy?: GroupStrategy;
  readonly kind: 'there' | 'gone' | 'sign-in' | 'silent' | 'fault';
  /** The groups that are known then, without `google:`; `null`: they are unknown. */
  readonly groups?: readonly string[] | null;
  /** Groups of which it stays unknown whether the person is in them. */
  readonly undecided?: readonly string[];
  /** In the reason or problem. */
  readonly says?: RegExp;
  /** For the operator who reads the docs. */
  readonly means: string;
};

/** What the paths of the calls look like; a person of these cases is in dev@example.com. */
export const calls = {
  'users.get': /\/users\//,
  'groups.list': /\/groups\?userKey=\d/,
  'groups.list of a group': /\/groups\?userKey=dev@/,
  'members.hasMember': /dev@example\.com\/hasMember\//,
  searchTransitiveGroups: /searchTransitiveGroups/,
  'token for the directory': /^\/directory\/token/,
  'refresh token': /never asked of the directory/,
} as const;

const oauth = (status: number, error: string, error_description?: string): Reply => ({
  status,
  body: { error, ...(error_description !== undefined && { error_description }) },
});
/** @param reason of the details, as Google's newer APIs have it (google.rpc.ErrorInfo) */
const cloud = (code: number, status: string, message: string, reason?: string): Reply => {
  const info = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'googleapis.com' };
  return { status: code, body: { error: { code, status, message, ...(reason !== undefined && { details: [info] }) } } };
};
const page = (status: number): Reply => ({ status, body: [], headers: { 'content-type': 'text/html' } });
const user = (changes: object): Reply => ({
  status: 200,
  body: { id: demoId, primaryEmail: 'ana@example.com', ...changes },
});

/** An answer to a refresh token, with what its ID token says now. */
const refreshed = (changes: object): Pick<AnswerCase, 'to' | 'reply' | 'about'> => {
  const claims = { sub: demoId, email: 'ana@example.com', email_verified: true, hd: 'example.com', ...changes };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const idToken = `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`;
  const words = Object.entries(changes).map(([name, value]) =>
    value === undefined ? ` without ${name}` : `, ${name} ${JSON.stringify(value)}`,
  );
  const about = `200 with an ID token${words.join('')}`;
  return { to: 'refresh token', reply: { status: 200, body: { access_token: 'a', id_token: idToken } }, about };
};

const lost = 'Revoked: passwords and sessions end.';
const quota = 'A quota: tried again, then silence.';
const operator = 'Dockpass is refused: no one loses anything, the sweep stops and /readyz warns.';
const signIn = 'This person has to sign in again.';
const unknown = 'The groups are unknown: they keep their age until GROUPS_MAX_STALE.';
const half = 'Not an answer of the directory: tried again, then silence.';
const hidden = `${unknown} A rule can deny something to a group above this one, which the reason names.`;

export const answerCases: readonly AnswerCase[] = [
  {
    to: 'users.get',
    reply: user({ suspended: true, suspensionReason: 'ADMIN' }),
    kind: 'gone',
    says: /suspended \(ADMIN\)/,
    means: lost,
  },
  {
    to: 'users.get',
    reply: user({ primaryEmail: 'ana.berg@example.com' }),
    kind: 'sign-in',
    says: /another e-mail address/,
    means: `${signIn} Rules and the user name depend on the address.`,
  },
  { to: 'users.get', reply: user({ primaryEmail: 'Ana@Example.com' }), kind: 'there', means: 'The same address.' },
  { to: 'users.get', reply: user({ archived: true }), kind: 'gone', means: lost },
  {
    to: 'users.get',
    reply: user({ deletionTime: '2026-11-01T00:00:00Z' }),
    kind: 'gone',
    says: /deleted/,
    means: lost,
  },
  {
    to: 'users.get',
    reply: refusal(404, 'notFound', 'Resource Not Found: userKey'),
    kind: 'gone',
    says: /deleted/,
    means: lost,
  },
  { to: 'users.get', reply: refusal(404, 'notFound', 'Domain not found.'), kind: 'fault', means: operator },
  { to: 'users.get', reply: refusal(404, 'notFound', 'Method not found.'), kind: 'fault', means: operator },
  {
    to: 'users.get',
    reply: cloud(404, 'NOT_FOUND', 'Requested entity was not found.'),
    kind: 'fault',
    means: operator,
  },
  { to: 'users.get', reply: page(404), kind: 'silent', means: 'The page of a proxy: silence.' },
  {
    to: 'users.get',
    reply: refusal(403, 'forbidden', 'Not Authorized to access this resource/api'),
    kind: 'fault',
    says: /a role that reads users/,
    means: operator,
  },
  {
    to: 'users.get',
    reply: refusal(
      403,
      'accessNotConfigured',
      'Admin SDK API has not been used in project 1 before or it is disabled.',
    ),
    kind: 'fault',
    says: /Enable the API/,
    means: operator,
  },
  {
    to: 'users.get',
    reply: refusal(403, 'insufficientPermissions', 'Request had insufficient authentication scopes.'),
    kind: 'fault',
    says: /the scopes of docs\/providers\.md/,
    means: `${operator} A scope is missing.`,
  },
  {
    to: 'users.get',
    reply: refusal(403, 'userRateLimitExceeded', 'User Rate Limit Exceeded.'),
    kind: 'silent',
    means: quota,
  },
  {
    to: 'users.get',
    reply: refusal(403, 'dailyLimitExceeded', 'Daily Limit Exceeded'),
    kind: 'silent',
    means: 'A quota: silence; not tried again immediately.',
  },
  { to: 'users.get', reply: refusal(403, 'limitExceeded', 'Limit Exceeded'), kind: 'silent', means: quota },
  {
    to: 'users.get',
    reply: { ...cloud(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded'), headers: { 'retry-after': '7' } },
    kind: 'silent',
    means: 'A quota: tried again after `Retry-After`, then silence.',
  },
  { to: 'users.get', reply: page(503), kind: 'silent', means: 'Tried again, then silence.' },
  {
    to: 'users.get',
    reply: { status: 200, body: { id: demoId, primaryEmail: null } },
    kind: 'silent',
    says: /answered 200: not the answer that Google documents$/,
    means: half,
  },
  {
    to: 'users.get',
    reply: user({ id: '2', suspended: true }),
    kind: 'silent',
    says: /about another person/,
    means: 'Another person: silence.',
  },
  {
    to: 'groups.list',
    reply: { status: 200, body: { groups: [{ email: 'dev@example.com' }, { email: 'Team-Root@googlegroups.com' }] } },
    kind: 'there',
    groups: ['dev@example.com', 'dev'],
    means: 'Groups outside GOOGLE_GROUP_DOMAINS are dropped.',
  },
  {
    to: 'groups.list',
    reply: { status: 200, body: {} },
    kind: 'there',
    groups: [],
    means: 'The person is in no group.',
  },
  {
    to: 'groups.list',
    reply: { status: 200, body: { kind: 'admin#directory#groups', etag: '"x"' } },
    kind: 'there',
    groups: [],
    means: 'The person is in no group.',
  },
  {
    to: 'groups.list',
    reply: { status: 200, body: { error: { status: 'PERMISSION_DENIED' } } },
    about: '200 {"error":{"status":"PERMISSION_DENIED"}}',
    kind: 'there',
    groups: null,
    says: /answered 200: an error, but no error status$/,
    means: `Tried again. ${unknown}`,
  },
  {
    to: 'groups.list',
    reply: refusal(404, 'notFound', 'Domain not found.'),
    kind: 'there',
    groups: null,
    says: /Domain not found/,
    means: unknown,
  },
  {
    to: 'groups.list',
    reply: refusal(403, 'forbidden', 'Not Authorized to access this resource/api'),
    kind: 'there',
    groups: null,
    means: unknown,
  },
  {
    to: 'groups.list of a group',
    strategy: 'recursive',
    reply: refusal(403, 'domainCannotUseApis', 'Domain cannot use apis.'),
    kind: 'there',
    groups: null,
    says: /answered 403: Domain cannot use apis\. \(about dev@example\.com\)/,
    means: hidden,
  },
  {
    to: 'groups.list of a group',
    strategy: 'recursive',
    reply: refusal(403, 'forbidden', 'Not Authorized to access this resource/api'),
    kind: 'there',
    groups: null,
    means: hidden,
  },
  {
    to: 'groups.list of a group',
    strategy: 'recursive',
    reply: refusal(404, 'notFound', 'Domain not found.'),
    kind: 'there',
    groups: null,
    means: hidden,
  },
  {
    to: 'groups.list of a group',
    strategy: 'recursive',
    reply: refusal(404, 'notFound', 'Resource Not Found: userKey'),
    kind: 'there',
    groups: ['dev@example.com', 'dev'],
    means: 'The group was deleted: nothing above it.',
  },
  {
    to: 'members.hasMember',
    strategy: 'configured',
    reply: refusal(400, 'invalid', 'Invalid Input: memberKey'),
    kind: 'there',
    groups: ['ops@example.com', 'ops'],
    undecided: ['dev@example.com', 'dev'],
    says: /dev@example\.com/,
    means:
      'Direct members count. Whether others are nested in this group is unknown: what depends on it grants only what holds either way.',
  },
  {
    to: 'members.hasMember',
    strategy: 'configured',
    reply: refusal(403, 'forbidden', 'Not Authorized to access this resource/api'),
    kind: 'there',
    groups: ['ops@example.com', 'ops'],
    undecided: ['dev@example.com', 'dev'],
    means: 'Unknown for this group, which the log names; the other groups count.',
  },
  {
    to: 'members.hasMember',
    strategy: 'configured',
    reply: refusal(404, 'notFound', 'Resource Not Found: groupKey'),
    kind: 'there',
    groups: ['ops@example.com', 'ops'],
    means: 'The group does not exist: no one is in it.',
  },
  {
    to: 'searchTransitiveGroups',
    strategy: 'transitive',
    reply: cloud(
      403,
      'PERMISSION_DENIED',
      'Error(2028): Permission denied for resource groups/-/memberships (or it may not exist).',
    ),
    kind: 'there',
    groups: null,
    means: `${unknown} The member's account, too, needs a premium edition.`,
  },
  {
    to: 'searchTransitiveGroups',
    strategy: 'transitive',
    reply: cloud(
      403,
      'PERMISSION_DENIED',
      'Cloud Identity API has not been used in project 1 before or it is disabled.',
      'SERVICE_DISABLED',
    ),
    kind: 'there',
    groups: null,
    says: /Enable the API/,
    means: unknown,
  },
  {
    to: 'searchTransitiveGroups',
    strategy: 'transitive',
    reply: cloud(
      403,
      'PERMISSION_DENIED',
      'Request had insufficient authentication scopes.',
      'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
    ),
    kind: 'there',
    groups: null,
    says: /the scopes of docs\/providers\.md/,
    means: `${unknown} A scope is missing.`,
  },
  {
    to: 'token for the directory',
    reply: { status: 401, body: unauthorized },
    kind: 'fault',
    says: /The domain-wide delegation, or one of its scopes, is missing/,
    means: `${operator} The delegation or one of its scopes is missing.`,
  },
  {
    to: 'token for the directory',
    reply: oauth(
      400,
      'invalid_grant',
      'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
    ),
    kind: 'fault',
    says: /clock is wrong/,
    means: `${operator} The clock here is wrong.`,
  },
  {
    to: 'token for the directory',
    reply: oauth(400, 'invalid_grant', 'Invalid email or User ID'),
    kind: 'fault',
    says: /GOOGLE_DIRECTORY_ADMIN is suspended/,
    means: `${operator} GOOGLE_DIRECTORY_ADMIN is suspended, deleted or misspelt.`,
  },
  {
    to: 'token for the directory',
    reply: oauth(400, 'invalid_request', 'Invalid impersonation "sub" field: nobody'),
    kind: 'fault',
    says: /GOOGLE_DIRECTORY_ADMIN/,
    means: `${operator} GOOGLE_DIRECTORY_ADMIN isn't a user of the Workspace.`,
  },
  {
    to: 'token for the directory',
    reply: oauth(403, 'rate_limit_exceeded'),
    kind: 'silent',
    says: /127\.0\.0\.1:\d+ answered 403/,
    means: quota,
  },
  {
    to: 'token for the directory',
    reply: page(502),
    kind: 'silent',
    says: /127\.0\.0\.1:\d+ answered 502/,
    means: 'Tried again, then silence; the reason names the host.',
  },
  {
    to: 'refresh token',
    reply: oauth(400, 'invalid_grant', 'Token has been expired or revoked.'),
    kind: 'sign-in',
    says: /Token has been expired or revoked/,
    means: signIn,
  },
  {
    to: 'refresh token',
    reply: oauth(400, 'invalid_grant', 'Account has been deleted'),
    kind: 'sign-in',
    says: /Account has been deleted/,
    means: `${signIn} The audit has Google's words.`,
  },
  {
    to: 'refresh token',
    reply: oauth(400, 'invalid_grant', 'reauth related error (invalid_rapt)'),
    kind: 'sign-in',
    says: /invalid_rapt/,
    means: `${signIn} The Workspace limits the length of sessions.`,
  },
  {
    to: 'refresh token',
    reply: oauth(400, 'access_denied', 'Account restricted'),
    kind: 'sign-in',
    means: `${signIn} The Workspace's app control refuses the account.`,
  },
  {
    to: 'refresh token',
    reply: oauth(400, 'policy_enforced'),
    kind: 'sign-in',
    means: `${signIn} Advanced Protection.`,
  },
  { to: 'refresh token', reply: oauth(400, 'admin_policy_enforced'), kind: 'sign-in', means: signIn },
  {
    to: 'refresh token',
    reply: oauth(401, 'unauthorized_client', 'Unauthorized'),
    kind: 'fault',
    means:
      'The token of another OAuth client counts as none: the next sign-in asks for consent and stores a new one. Of the present client: Dockpass is refused.',
  },
  {
    to: 'refresh token',
    reply: oauth(401, 'invalid_client', 'The OAuth client was not found.'),
    kind: 'fault',
    means: operator,
  },
  ...(
    [
      [{}, 'there', /^$/, 'The person is there.'],
      [{ email: 'ana.berg@example.com' }, 'sign-in', /another e-mail address/, signIn],
      [{ email_verified: false }, 'sign-in', /not verified/, signIn],
      [{ email_verified: 'false' }, 'sign-in', /not verified/, signIn],
      [{ hd: 'other.example' }, 'sign-in', /another domain/, signIn],
      [{ hd: undefined }, 'sign-in', /another domain/, `${signIn} The account has left the Workspace.`],
      [{ sub: '2' }, 'fault', /another person/, operator],
    ] as const
  ).map(([changes, kind, says, means]) => ({ ...refreshed(changes), kind, says, means })),
  { to: 'refresh token', reply: oauth(403, 'disabled_client'), kind: 'fault', means: operator },
  { to: 'refresh token', reply: oauth(403, 'org_internal'), kind: 'fault', means: operator },
  { to: 'refresh token', reply: oauth(403, 'rate_limit_exceeded'), kind: 'silent', means: quota },
  { to: 'refresh token', reply: page(503), kind: 'silent', means: 'Silence.' },
];

/** "403 forbidden: Not Authorized ...", as the docs quote an answer. */
export function describeReply({ reply: { status, body }, about }: Pick<AnswerCase, 'reply' | 'about'>): string {
  if (about !== undefined) return about;
  const { error, error_description: description } = body as { error?: unknown; error_description?: string };
  if (typeof error === 'string') return `${status} ${error}${description === undefined ? '' : `: ${description}`}`;
  if (typeof error === 'object' && error !== null) {
    const {
      message,
      status: name,
      errors,
    } = error as { message: string; status?: string; errors?: { reason: string }[] };
    return `${status} ${errors?.[0]?.reason ?? name}: ${message}`;
  }
  return Array.isArray(body) ? `${status}, an HTML page` : `${status} ${JSON.stringify(body)}`;
}

/** The rows of the table in docs/providers.md. */
export function answerTable(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = answerCases.map(({ to, strategy, means, ...one }) => {
    const call = strategy === undefined ? to : `${to} (${strategy})`;
    return `| ${call} | \`${cell(describeReply(one))}\` | ${cell(means)} |`;
  });
  return ["| Call | Google's answer | What Dockpass makes of it |", '|---|---|---|', ...rows].join('\n');
}
