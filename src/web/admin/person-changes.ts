/** Owns what administrators do to a person: disable, enable, end the sessions, remove. Each is asked for on a page that says what it means. */
import type { Request, RequestHandler, Response } from 'express';
import type { Made, People } from '../../accounts/people.ts';
import type { Refusal } from '../../lib/errors.ts';
import { correctable, fieldsOf, filledIn } from '../fields.ts';
import { sections } from '../navigation.ts';
import { actorOf } from '../session.ts';
import { personView } from './person.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type PersonChangeParts = AdminParts & {
  readonly people: Pick<People, 'detail' | 'disable' | 'enable' | 'objectionTo' | 'endSessions' | 'remove'>;
};

declare module '../views.ts' {
  interface ViewData {
    'admin-person-change': AdminFrame &
      Words & {
        name: ChangeName;
        error: string | null;
        /** Instead of the form: why the change can't be made. */
        objection: string | null;
        reason: string;
        forSecurity: boolean;
        person: ReturnType<typeof personView>;
        sessionCount: number;
        made: Made;
        /** What happens to the passwords of robots that the person made; `null`: nothing. */
        warnsOfRobots: string | null;
      };
  }
}

export type ChangeName = 'disable' | 'enable' | 'end-sessions' | 'remove';

/** GET and POST of /admin/people/:id/<name> */
export type PersonChange = {
  readonly ask: RequestHandler<{ id: string }>;
  readonly act: RequestHandler<{ id: string }>;
};

type Words = {
  readonly title: string;
  readonly points: readonly string[];
  readonly button: string;
  readonly danger: boolean;
  readonly hasReason: boolean;
  /** Part of the next page's address: the person's page, or the list if the person is gone. */
  readonly done: string;
};

const words: Readonly<Record<ChangeName, Words>> = {
  disable: {
    title: 'Disable',
    points: [
      'All passwords and sessions stop working immediately, and sign-in is refused.',
      'Transfers in progress can continue for a few more minutes.',
      'Nothing is deleted. After you enable the account, passwords that haven’t expired work again.',
    ],
    button: 'Disable account',
    danger: true,
    hasReason: true,
    done: 'disabled',
  },
  enable: {
    title: 'Enable',
    points: [
      'The person can sign in again.',
      'Passwords that weren’t revoked and haven’t expired work again immediately.',
    ],
    button: 'Enable account',
    danger: false,
    hasReason: false,
    done: 'enabled',
  },
  'end-sessions': {
    title: 'End all sessions of',
    points: [
      'Signs the person out of every browser.',
      'A terminal that was approved and hasn’t collected its password yet gets none.',
      'App passwords keep working.',
    ],
    button: 'End sessions',
    danger: true,
    hasReason: false,
    done: 'sessions-ended',
  },
  remove: {
    title: 'Remove',
    points: [
      'The account is deleted with all its passwords and sessions. This can’t be undone.',
      'Its e-mail address is kept: only the same person can sign in with it again. Audit entries are kept.',
      'The person can sign in again with a new account if the provider allows it. To block someone, disable the account instead.',
    ],
    button: 'Remove account',
    danger: true,
    hasReason: false,
    done: 'removed',
  },
};

const robotWords: Readonly<Record<ChangeName, string | null>> = {
  disable: 'Their passwords stop after a grace period, unless another owner of the robot adopts them.',
  remove: 'Their passwords stop immediately. Let another owner of the robot adopt them first.',
  enable: null,
  'end-sessions': null,
};

export function createPersonChange(parts: PersonChangeParts, name: ChangeName): PersonChange {
  return {
    ask: (request, response) => ask(parts, name, request, response, null),
    act: (request, response) => act(parts, name, request, response),
  };
}

type IdRequest = Request<{ id: string }>;

async function ask(
  parts: PersonChangeParts,
  name: ChangeName,
  request: IdRequest,
  response: Response,
  error: Refusal | null,
) {
  const { person, sessions, made } = await parts.people.detail(request.params.id);
  const field = fieldsOf(filledIn(request));
  const data = {
    section: sections.administration,
    tab: tabs.people,
    ...words[name],
    name,
    error: error?.message ?? null,
    objection:
      name === 'end-sessions' ? null : await parts.people.objectionTo(name, person.id, actorOf(parts, request)),
    reason: field('reason'),
    forSecurity: field('forSecurity') === 'yes',
    person: personView(person, parts.now()),
    sessionCount: sessions.length,
    made,
    warnsOfRobots: robotWords[name],
  };
  parts.views.page(response, 'admin-person-change', data, error?.status ?? 200);
}

async function act(parts: PersonChangeParts, name: ChangeName, request: IdRequest, response: Response): Promise<void> {
  const { people, views } = parts;
  const { id } = request.params;
  const by = actorOf(parts, request);
  try {
    const field = fieldsOf(request.body);
    const forSecurity = field('forSecurity') === 'yes';
    if (name === 'disable') await people.disable(id, field('reason'), by, { forSecurity });
    else if (name === 'enable') await people.enable(id, by);
    else if (name === 'remove') await people.remove(id, by, { releasesLogin: field('release') === 'yes' });
    else await people.endSessions(id, by);
  } catch (error) {
    const mistake = correctable(error);
    if (mistake.code === 'not_found') throw mistake;
    return ask(parts, name, request, response, mistake);
  }
  const page = name === 'remove' ? '' : `/${encodeURIComponent(id)}`;
  response.redirect(303, `${views.prefix}${tabs.people}${page}?done=${words[name].done}`);
}
