/** Owns revocation by administrators: choose, see what would stop, revoke, undo for a day. */
import type { Request, RequestHandler, Response } from 'express';
import type { People } from '../../accounts/people.ts';
import type { Revocation, Revocations } from '../../accounts/revocations.ts';
import type { AppPassword } from '../../app-passwords/app-passwords.ts';
import { capitalized } from '../../lib/capitalized.ts';
import { Refusal } from '../../lib/errors.ts';
import { activityViewOf, type RepositoryUseView } from '../account-activity-view.ts';
import { correctable, dayOf, type Fields, fieldsOf, filledIn, numberIn, queryOf } from '../fields.ts';
import { type Pager, pageIn, pagerOf } from '../list-view.ts';
import { sections } from '../navigation.ts';
import type { FormError } from '../password-form.ts';
import { type PasswordView, viewOf } from '../password-view.ts';
import { actorOf } from '../session.ts';
import { formatTime } from '../time-view.ts';
import { type UsesView, usesOf } from '../uses-view.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';
import { describeSelection, fieldsOfSelection, isEmpty, type SelectionFields, selectionOf } from './selection.ts';

export type RevocationPageParts = AdminParts & {
  readonly revocations: Revocations;
  readonly people: Pick<People, 'providers' | 'detail'>;
};

type RevocationView = ReturnType<typeof rowOf>;

declare module '../views.ts' {
  interface ViewData {
    'admin-revocations': AdminFrame & { rows: readonly RevocationView[]; pager: Pager };
    'admin-revocation-new': AdminFrame & {
      fields: SelectionFields;
      /** What is wrong with the fields. */
      mistake: FormError | null;
      query: string;
      title: string;
      /** Where it was chosen: the page of the owner, or the list of revocations. */
      from: { readonly href: string; readonly label: string };
      isBulk: boolean;
      providers: readonly string[];
      /** Why the revocation that was just asked for did not happen. */
      problem: string | null;
      reason: string;
      /** The preview; `null` while nothing is selected. */
      found: {
        readonly people: number;
        readonly passwords: number;
        readonly alreadyRevoked: number;
        readonly approvedTerminals: number;
        readonly sample: readonly (PasswordView & { readonly login: string })[];
        readonly uses: UsesView;
        /** `null`: no registry reports it. */
        readonly activity: readonly RepositoryUseView[] | null;
      } | null;
    };
    /** `restored`: how many passwords an undo that was just done has restored. */
    'admin-revocation': AdminFrame & {
      revocation: RevocationView;
      passwords: readonly (PasswordView & { readonly login: string })[];
      isNew: boolean;
      restored: number | null;
    };
  }
}

type IdHandler = RequestHandler<{ id: string }>;

export type RevocationPages = {
  /** GET /admin/revocations */
  readonly list: RequestHandler;
  /** GET /admin/revocations/new: the form, and the preview of what its query selects */
  readonly preview: RequestHandler;
  /** POST /admin/revocations/new, with the same query */
  readonly revoke: RequestHandler;
  /** GET /admin/revocations/:id */
  readonly show: IdHandler;
  /** POST /admin/revocations/:id/undo */
  readonly undo: IdHandler;
};

const section = sections.administration;
const tab = tabs.revocations;

export function createRevocationPages(parts: RevocationPageParts): RevocationPages {
  return {
    list: (request, response) => list(parts, request, response),
    preview: (request, response) => preview(parts, request, response, null),
    revoke: (request, response) => revoke(parts, request, response),
    show: (request, response) => show(parts, request, response),
    undo: (request, response) => undo(parts, request, response),
  };
}

async function list({ revocations, views, now }: RevocationPageParts, request: Request, response: Response) {
  const found = await revocations.page(pageIn(fieldsOf(request.query)));
  const rows = found.rows.map((revocation) => rowOf(revocation, now()));
  const pager = pagerOf(found, (page) => queryOf({ page }) || '?');
  views.page(response, 'admin-revocations', { section, tab, rows, pager });
}

/** @param problem why the revocation that was just asked for did not happen */
async function preview(parts: RevocationPageParts, request: Request, response: Response, problem: Refusal | null) {
  const { revocations, people, views, now } = parts;
  const field = fieldsOf(request.query);
  const fields = fieldsOfSelection(field);
  const selection = selectionOf(fields);
  const mistake = mistakeIn(fields) ?? (field('preview') !== '' && isEmpty(selection) ? nothingChosen : null);
  const found = isEmpty(selection) || mistake !== null ? null : await revocations.preview(selection);
  const data = {
    section,
    tab,
    fields,
    mistake,
    query: queryOf(fields),
    ...(await targetOf(parts, fields, found?.sample[0] ?? null)),
    isBulk: fields.password === '' && fields.account === '',
    providers: await people.providers(),
    problem: problem?.message ?? null,
    reason: fieldsOf(filledIn(request))('reason'),
    found: found && {
      people: found.people,
      passwords: found.passwords,
      alreadyRevoked: found.alreadyRevoked,
      approvedTerminals: found.approvedTerminals,
      sample: found.sample.map((password) => ({ ...viewOf(password, now()), login: password.login })),
      uses: usesOf(found.uses, now()),
      activity: found.activity && activityViewOf(found.activity, now()),
    },
  };
  views.page(response, 'admin-revocation-new', data, problem?.status ?? 200);
}

const nothingChosen: FormError = { field: 'domain', message: 'Fill in at least one condition.' };

function mistakeIn(fields: SelectionFields): FormError | null {
  const field = (['before', 'unused'] as const).find((name) => fields[name] !== '' && dayOf(fields[name]) === null);
  return field === undefined ? null : { field, message: `“${fields[field]}” isn’t a date. Use YYYY-MM-DD.` };
}

/** One password and one person are called by their names; everything else is a bulk. @param first of those that were found */
async function targetOf({ people }: RevocationPageParts, fields: SelectionFields, first: AppPassword | null) {
  const { password, account } = fields;
  const list = { href: tab, label: 'Revocations' };
  if (password !== '') {
    if (first === null) return { title: 'Revoke a password', from: list };
    const owners = first.ownerKind === 'robot' ? tabs.robots : tabs.people;
    const from = { href: `${owners}/${encodeURIComponent(first.accountId)}`, label: first.login };
    return { title: `Revoke “${first.name}”`, from };
  }
  if (account === '') return { title: 'Revoke in bulk', from: list };
  const { person } = await people.detail(account);
  const who = person.displayName ?? person.login;
  return {
    title: `Revoke all passwords of ${who}`,
    from: { href: `${tabs.people}/${encodeURIComponent(account)}`, label: who },
  };
}

async function revoke(parts: RevocationPageParts, request: Request, response: Response): Promise<void> {
  const { revocations, views } = parts;
  const fields = fieldsOfSelection(fieldsOf(request.query));
  const field: Fields = fieldsOf(request.body);
  try {
    const expected = requirePreview(fields, field);
    const { id } = await revocations.revoke(selectionOf(fields), expected, field('reason'), actorOf(parts, request));
    response.redirect(303, `${views.prefix}${tab}/${encodeURIComponent(id)}?done=revoked`);
  } catch (error) {
    await preview(parts, request, response, correctable(error));
  }
}

/** A date that isn't one would be left out of the selection, and more revoked than was meant. @returns the number that was shown */
function requirePreview(fields: SelectionFields, field: Fields): number {
  const mistake = mistakeIn(fields);
  if (mistake !== null) throw new Refusal('bad_request', mistake.message);
  const expected = numberIn(field('expected'));
  if (Number.isNaN(expected)) throw new Refusal('bad_request', 'Preview what would stop first, then revoke it there.');
  return expected;
}

async function show(parts: RevocationPageParts, request: Request<{ id: string }>, response: Response): Promise<void> {
  const revocation = rowOf(await parts.revocations.byId(request.params.id), parts.now());
  const passwords = await parts.revocations.passwordsOf(request.params.id);
  const isNew = request.query['done'] === 'revoked';
  const restored = numberIn(fieldsOf(request.query)('restored'));
  parts.views.page(response, 'admin-revocation', {
    section,
    tab,
    revocation,
    passwords: passwords.map((password) => ({ ...viewOf(password, parts.now()), login: password.login })),
    isNew: isNew && revocation.undone === null,
    restored: revocation.undone === null || Number.isNaN(restored) ? null : restored,
  });
}

async function undo(parts: RevocationPageParts, request: Request<{ id: string }>, response: Response): Promise<void> {
  const { id } = request.params;
  const restored = await parts.revocations.undo(id, actorOf(parts, request));
  response.redirect(303, `${parts.views.prefix}${tab}/${encodeURIComponent(id)}?restored=${restored}`);
}

function whatOf(owner: Revocation['owner']): string | null {
  if (owner === null) return null;
  return owner.password === null ? `All passwords of ${owner.login}` : `“${owner.password}” of ${owner.login}`;
}

function rowOf(revocation: Revocation, now: number) {
  const { id, at, by, reason, selection, passwords, undoUntil, undone, owner } = revocation;
  return {
    ...{ id, by, reason, passwords, owner },
    what: whatOf(owner) ?? capitalized(describeSelection(selection)),
    at: formatTime(at, now),
    undoUntil: formatTime(undoUntil, now),
    canUndo: undone === null && undoUntil > now,
    undone: undone === null ? null : { ...formatTime(undone.at, now), by: undone.by },
  };
}
