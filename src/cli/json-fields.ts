/** Owns what the fields mean that `--json` writes about things which several commands show; the compiler keeps the lists complete. */
import type { ApiToken } from '../accounts/api-tokens.ts';
import type { Person } from '../accounts/people.ts';
import type { Revocation } from '../accounts/revocations.ts';
import type { RobotConcern } from '../accounts/robot-review.ts';
import type { Robot } from '../accounts/robots.ts';
import type { AppPassword } from '../app-passwords/app-passwords.ts';
import type { AuditEntry } from '../audit/audit-log.ts';
import type { KeyDescription } from '../keys/key-ring.ts';
import type { Explanation } from '../policy/explain.ts';
import type { ListedRequest } from '../requests/access-request.ts';

/** Each field of a type with its meaning. Times are epoch milliseconds. */
type FieldsOf<Type> = Readonly<Record<keyof Type & string, string>>;

export const passwordFields: FieldsOf<AppPassword> = {
  id: 'id of the password',
  accountId: 'id of its owner',
  login: "the owner's docker user name",
  ownerKind: 'person or robot',
  name: 'what its owner calls it',
  hint: 'the last characters of the secret',
  state: 'active (it works, unless its owner is suspended), expired or revoked',
  limits: 'what it is restricted to: actions, repositories; null in either: no limit',
  createdAt: 'time, epoch milliseconds',
  expiresAt: 'time',
  revokedAt: 'time, or null',
  revokedBy: 'who revoked it, or null',
  revocationReason: 'why an administrator revoked it, as they said, or null',
  replacedBy: 'id of the password that replaced it when it was rotated, or null',
  maker: 'who made a password of a robot, or null',
  identityServices: 'services for which docker keeps an identity token in its place',
  origin: 'kind (terminal, machine) and address of where it was made, or null',
  lastUse: 'at, address and client of the last use, or null',
};

export const issuedFields = { secret: 'the password, shown only this once', ...passwordFields };

/** Of a password that someone describes, with its patterns. */
export const createdFields = {
  ...issuedFields,
  warnings: 'sentences about patterns that match nothing it could be used for',
};

export const robotFields: FieldsOf<Robot> = {
  id: 'id of the robot',
  login: 'its docker user name: robot- and its name',
  name: 'its name',
  description: 'what it is for',
  ownerGroup: 'the group whose members manage it',
  groups: 'its groups in the policy',
  labels: 'its labels in the policy, each with its values',
  state: 'active or disabled',
  createdAt: 'time, epoch milliseconds',
  createdBy: 'who made it',
  activePasswords: 'how many active passwords it has',
};

export const concernFields: FieldsOf<RobotConcern> = {
  password: 'the password, with the fields of "password list"',
  why: 'kind (unknown, left, beyond), with until for a maker who left, scopes and enforced for what goes beyond the maker',
};

export const personFields: FieldsOf<Person> = {
  id: 'id of the account',
  kind: 'person',
  login: 'the docker user name',
  displayName: 'the name at the provider, or null',
  provider: 'who vouches for the person',
  domain: 'of the e-mail address, or null',
  groups: 'as the provider reported them',
  groupsAt: 'when it reported them, epoch milliseconds; null: never',
  groupsProblem: "why the provider's last answer left the groups unknown, or null",
  confirmedAt: 'when the provider last confirmed the account, or null',
  createdAt: 'time',
  signedInAt: 'time of the last sign-in, or null',
  activePasswords: 'how many active passwords there are',
  state: 'active, disabled, or reauth_required: the person has to sign in again',
  stateReason: 'why, or null',
  stateBy: "a login, 'command line', 'provider', 'authority' (no provider vouches for the address), or null",
  stateAt: 'since when, or null',
};

export const revocationFields: FieldsOf<Revocation> = {
  id: 'id of the revocation',
  at: 'time, epoch milliseconds',
  by: 'who revoked',
  reason: 'as given, or an empty text',
  selection: 'what was selected',
  passwords: 'how many passwords it ended',
  undoUntil: 'time until which it can be undone',
  undone: 'at and by, or null',
  owner: 'whose passwords: id, login, kind and the selected password, or null for more than one account',
};

export const previewFieldsText =
  'people and passwords that match, alreadyRevoked (that match, too, and that another revocation ended), approvedTerminals (that have yet to collect their password, and then get none), sample (the first hundred, as in "password list"), uses (of the last 30 days)';

export const apiTokenFields: FieldsOf<ApiToken> = {
  id: 'id of the token',
  name: 'its name',
  hint: 'the last characters of the secret',
  scopes: 'what it can do',
  createdBy: "a login, or 'command line'",
  createdAt: 'time, epoch milliseconds',
  expiresAt: 'time',
  revokedAt: 'time, or null',
  revokedBy: 'who revoked it, or null',
  state: 'active, expired or revoked',
  lastUse: 'at and address of the last use, or null',
};

export const keyFields: FieldsOf<KeyDescription> = {
  number: 'of the key in its ring',
  state: 'what it is used for',
  algorithm: 'ES256 or RS256',
  id: 'the libtrust key id: kid of its tokens',
  createdAt: 'time, epoch milliseconds, or null',
  signsFrom: 'time, or null',
  expiresAt: 'end of its certificate',
};

export const auditFields: FieldsOf<Omit<AuditEntry, 'at'>> & { readonly time: string } = {
  time: 'ISO 8601, UTC',
  id: 'id of the event',
  action: 'what was done',
  actor: 'who did it',
  subject: 'who or what it is about, or null',
  address: 'where the request came from, or null',
  client: 'its user agent, or null',
  requestId: 'as in the log, or null',
  repository: 'or null',
  detail: 'more, by action; never a secret',
};

export const explanationFields: FieldsOf<Explanation> = {
  who: 'account, kind and domain',
  groups: 'each group and where it comes from',
  groupsUnknown: "not null if the provider's groups are unknown: toldAt, and the rules that can't be decided",
  access: 'what was asked for: type, name and actions',
  context: 'service and address',
  passedOver: 'the rules before the one that decides, with what did not match',
  decidedBy: 'the rule that decides, or null',
  allowed: 'actions that the policy allows',
  boundBy: "what the maker of a robot's password can do, or null",
  narrowedBy: 'the password and its limits, or null',
  granted: 'actions that are granted',
};

export const accessRequestFields: FieldsOf<ListedRequest> = {
  id: 'id of the request',
  login: 'who asks',
  accountId: 'id of their account',
  service: 'the registry',
  repository: 'its name there',
  actions: 'what is asked for',
  note: 'what the person wrote',
  state: 'open, accepted (the policy does not grant it yet), refused, granted or withdrawn',
  createdAt: 'time, epoch milliseconds',
  answer: 'by, at and note, or null',
  closedAt: 'time, or null: open, or granted a moment ago',
};
