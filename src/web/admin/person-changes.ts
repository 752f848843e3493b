/** Owns what administrators do to a person: disable, enable, end the sessions. Each is asked for on a page that says what it means. */
import type { Request, RequestHandler, Response } from 'express';
import type { People } from '../../administration/people.ts';
import { Refusal } from '../../errors.ts';
import { fieldsOf, readForm } from '../fields.ts';
import { sections } from '../navigation.ts';
import { personView } from './person.ts';
import { type AdminParts, actorOf, tabs } from './section.ts';

export type PersonChangeParts = AdminParts & {
  readonly people: Pick<People, 'detail' | 'disable' | 'enable' | 'endSessions'>;
};

export type ChangeName = 'disable' | 'enable' | 'end-sessions';

/** GET and POST of /admin/people/:id/<name> */
export type PersonChange = {
  readonly ask: RequestHandler<{ id: string }>;
  readonly act: RequestHandler<{ id: string }>[];
};

type Words = {
  readonly title: string;
  readonly points: readonly string[];
  readonly button: string;
  readonly danger: boolean;
  readonly hasReason: boolean;
  /** Stands in the address of the person's page afterwards. */
  readonly done: string;
};

const words: Readonly<Record<ChangeName, Words>> = {
  disable: {
    title: 'Disable',
    points: [
      'Every password and every session of this person stops at once, and signing in is refused.',
      'A transfer that has begun may go on until its registry token ends, a few minutes.',
      'Nothing is deleted: once enabled again, passwords that have not expired work as before.',
    ],
    button: 'Disable account',
    danger: true,
    hasReason: true,
    done: 'disabled',
  },
  enable: {
    title: 'Enable',
    points: [
      'Signing in is possible again.',
      'Passwords that were not revoked and have not expired work again at once.',
    ],
    button: 'Enable account',
    danger: false,
    hasReason: false,
    done: 'enabled',
  },
  'end-sessions': {
    title: 'End all sessions of',
    points: ['Every browser where this person is signed in is signed out.', 'App passwords keep working.'],
    button: 'End sessions',
    danger: true,
    hasReason: false,
    done: 'sessions-ended',
  },
};

export function createPersonChange(parts: PersonChangeParts, name: ChangeName): PersonChange {
  return {
    ask: (request, response) => ask(parts, name, request, response, null),
    act: [readForm, (request, response) => act(parts, name, request, response)],
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
  const { person, sessions } = await parts.people.detail(request.params.id);
  const data = {
    section: sections.administration,
    tab: tabs.people,
    ...words[name],
    name,
    error: error?.message ?? null,
    reason: fieldsOf(request.body)('reason'),
    person: personView(person, parts.now()),
    sessionCount: sessions.length,
  };
  parts.views.page(response, 'admin-person-change', data, error?.status ?? 200);
}

async function act(parts: PersonChangeParts, name: ChangeName, request: IdRequest, response: Response): Promise<void> {
  const { people, views } = parts;
  const { id } = request.params;
  const by = actorOf(parts, request as Request);
  try {
    if (name === 'disable') await people.disable(id, fieldsOf(request.body)('reason'), by);
    else if (name === 'enable') await people.enable(id, by);
    else await people.endSessions(id, by);
  } catch (error) {
    if (!(error instanceof Refusal) || error.code === 'not_found') throw error;
    return ask(parts, name, request, response, error);
  }
  response.redirect(303, `${views.prefix}${tabs.people}/people/${encodeURIComponent(id)}?done=${words[name].done}`);
}
