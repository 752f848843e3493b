/** Owns the page of one person: what they hold, can do and were denied, and where they are signed in. */
import type { Request, RequestHandler, Response } from 'express';
import type { Moves } from '../../accounts/moves.ts';
import type { Made, People, Person, PersonDetail } from '../../accounts/people.ts';
import type { Denial } from '../../audit/denials.ts';
import type { Identity } from '../../identity/identity.ts';
import { isKeyOf } from '../../lib/json.ts';
import type { Policy } from '../../policy/acl.ts';
import { effectivePermissionsOf } from '../../policy/effective-permissions.ts';
import { candidateRulesOf, type DenialView, denialOf } from '../access-view.ts';
import { sections } from '../navigation.ts';
import { type PasswordView, viewOf } from '../password-view.ts';
import { personOf } from '../session.ts';
import { sessionView } from '../session-view.ts';
import { type FormattedTime, formatTime } from '../time-view.ts';
import { type UsesView, usesOf } from '../uses-view.ts';
import { initials } from '../views.ts';
import { stateLabels } from './people.ts';
import { describeMove } from './person-move.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type PersonPageParts = AdminParts & {
  readonly people: Pick<People, 'detail'>;
  readonly moves: Pick<Moves, 'list'>;
  /** Who goes by the login, to the policy, now. */
  readonly identityOf: (login: string) => Promise<Identity>;
  readonly policy: () => Policy;
  readonly denialsOf: (accountId: string) => Promise<readonly Denial[]>;
};

type PersonView = ReturnType<typeof personView>;

declare module '../views.ts' {
  interface ViewData {
    'admin-person': AdminFrame &
      Omit<ViewData['rule-list'] & ViewData['group-list'] & ViewData['session-list'], 'nobody' | 'linked'> & {
        /** What was just done to the person, as a sentence. */
        done: string | null;
        /** Then the notice that says why it doesn't work says so too: one notice for one fact. */
        isJustDisabled: boolean;
        person: PersonView;
        isAdministrator: boolean;
        /** No one disables or removes their own account. */
        isOneself: boolean;
        live: readonly UsedPassword[];
        past: readonly UsedPassword[];
        approvedTerminals: number;
        denials: readonly DenialView[];
        /** What lets this account alone move, a sentence each. */
        relinks: readonly string[];
        made: Made;
      };
    'made-list': { made: Made };
    'admin-password-table': { rows: readonly UsedPassword[]; label: string; ended: boolean };
  }
}

/** What was just done to the person, by the word in the address. */
const done = {
  disabled: 'Its passwords no longer work, and its sessions have ended.',
  enabled: 'The account is enabled. Passwords that haven’t expired work again.',
  'sessions-ended': 'All sessions have ended. The person can sign in again.',
  relinked: 'The next verified sign-in with this address gets the account, within 24 hours.',
  moved: 'Each account of this issuer moves with the next verified sign-in at the new one.',
  'move-ended': 'Moving is no longer allowed. Accounts that have already moved stay where they are.',
} as const;

/** An address can say what isn't so, or no longer is. */
function isSo(word: keyof typeof done, { state }: Person): boolean {
  return word === 'disabled' ? state === 'disabled' : word !== 'enabled' || state === 'active';
}

/** GET /admin/people/:id */
export function createPersonPage(parts: PersonPageParts): RequestHandler<{ id: string }> {
  return async (request, response) => show(parts, request, response);
}

async function show(parts: PersonPageParts, request: Request<{ id: string }>, response: Response): Promise<void> {
  const { people, identityOf, policy, denialsOf, views, now } = parts;
  const { id } = request.params;
  const [detail, denials, allowed] = await Promise.all([people.detail(id), denialsOf(id), parts.moves.list()]);
  const identity = await identityOf(detail.person.login);
  const word = String(request.query['done'] ?? '');
  views.page(response, 'admin-person', {
    section: sections.administration,
    tab: tabs.people,
    done: isKeyOf(done, word) && isSo(word, detail.person) ? done[word] : null,
    isJustDisabled: word === 'disabled' && detail.person.state === 'disabled',
    person: personView(detail.person, now()),
    isAdministrator: detail.isAdministrator,
    isOneself: detail.person.login === personOf(request).login,
    ...passwordsOf(detail, now()),
    approvedTerminals: detail.approvedTerminals,
    made: detail.made,
    relinks: allowed
      .filter((move) => move.kind === 'relink' && move.login === detail.person.login)
      .map((move) => describeMove(move, now())),
    candidateRules: candidateRulesOf(effectivePermissionsOf(policy(), identity)),
    denials: denials.map((denial) => denialOf(denial, now())),
    groups: detail.groups,
    groupsKnown: identity.groupsKnown,
    groupsProblem: detail.person.groupsProblem,
    groupsReported: identity.groupsAt === null ? null : formatTime(identity.groupsAt, now()),
    sessions: detail.sessions.map((session) => sessionView(session, now())),
  });
}

type UsedPassword = PasswordView & { readonly uses: UsesView };

function passwordsOf({ passwords, person }: PersonDetail, now: number): { live: UsedPassword[]; past: UsedPassword[] } {
  const isSuspended = person.state !== 'active';
  const all = passwords.map((password) => ({
    ...viewOf(password, now, isSuspended),
    uses: usesOf(password.uses, now),
  }));
  return { live: all.filter(({ works }) => works), past: all.filter(({ works }) => !works) };
}

/** Who, in words, if it was no administrator. */
function stateMakers(provider: string): ReadonlyMap<string, string> {
  return new Map([
    ['provider', `the provider ${provider}`],
    ['authority', 'Dockpass'],
  ]);
}

export function personView(person: Person, now: number) {
  const { id, login, displayName, provider, domain, state, stateReason, stateBy, stateAt, activePasswords } = person;
  const moment = (at: number | null): FormattedTime | null => (at === null ? null : formatTime(at, now));
  return {
    ...{ id, login, displayName, provider, domain, state, stateReason, activePasswords },
    stateBy: stateBy && (stateMakers(provider).get(stateBy) ?? stateBy),
    stateLabel: stateLabels[state],
    initials: initials({ login, display_name: displayName }),
    stateSince: moment(stateAt),
    created: formatTime(person.createdAt, now),
    signedIn: moment(person.signedInAt),
    confirmed: moment(person.confirmedAt),
  };
}
