/** Owns the pages on which people choose what they're notified of, and unsubscribe without signing in. */
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { type Category, categories, isCategory, type Preferences } from '../notify/categories.ts';
import type { Account } from '../store/accounts.ts';
import { fieldsOf, readForm, textsOf } from './fields.ts';
import { sections } from './navigation.ts';
import { actorOf, personOf } from './session.ts';
import type { Views } from './views.ts';

export type NotificationPageParts = {
  readonly views: Views;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  readonly preferences: Preferences;
  readonly includes: (account: Account) => boolean;
  /** Where mail goes; `null`: nowhere. */
  readonly addressOf: (account: Account) => string | null;
  /** Whether this Dockpass sends mail. */
  readonly isOn: boolean;
};

declare module './views.ts' {
  interface ViewData {
    'notification-settings': {
      section: string;
      isOn: boolean;
      address: string | null;
      choices: readonly { readonly category: Category; readonly words: string; readonly isChosen: boolean }[];
      /** The choices are those that were sent before the person had to sign in again. */
      isUnsaved: boolean;
      isSaved: boolean;
    };
    /** `isDone`: the person is unsubscribed; otherwise the page asks. */
    unsubscribe: { token: string; isDone: boolean };
  }
}

export type NotificationPages = {
  /** GET and POST of /settings/notifications */
  readonly show: RequestHandler;
  readonly save: RequestHandler;
  /** GET /unsubscribe, which changes nothing, and POST as RFC 8058 has it */
  readonly askUnsubscribe: RequestHandler;
  readonly unsubscribe: RequestHandler[];
};

const words: Readonly<Record<Category, string>> = {
  passwords: 'My passwords that expire soon',
  robots: 'Passwords of my groups’ robots that expire soon',
  administration: 'What administrators should look at: access requests, signing keys, webhooks',
};

const page = '/settings/notifications';

export function createNotificationPages(parts: NotificationPageParts): NotificationPages {
  return {
    show: (request, response) => show(parts, request, response),
    save: (request, response) => save(parts, request, response),
    askUnsubscribe(request, response) {
      const token = tokenIn(parts, request);
      parts.views.page(response, 'unsubscribe', { token, isDone: false });
    },
    unsubscribe: [readForm, (request, response) => unsubscribe(parts, request, response)],
  };
}

/** What the person can choose: administrators have one thing more. */
function offeredTo({ includes }: NotificationPageParts, person: Account): Category[] {
  return categories.filter((category) => category !== 'administration' || includes(person));
}

async function show(parts: NotificationPageParts, request: Request, response: Response): Promise<void> {
  const person = personOf(request);
  const sent = fieldsOf(request.query)('sent') === 'yes';
  const wanted = sent ? textsOf(request.query, 'categories') : await parts.preferences.of(person.id);
  parts.views.page(response, 'notification-settings', {
    section: sections.notifications,
    isOn: parts.isOn,
    address: parts.addressOf(person),
    choices: offeredTo(parts, person).map((category) => ({
      ...{ category, words: words[category] },
      isChosen: wanted.includes(category),
    })),
    isUnsaved: sent,
    isSaved: request.query['saved'] === 'yes',
  });
}

/** What isn't offered stays as it is: someone can be an administrator again. */
async function save(parts: NotificationPageParts, request: Request, response: Response): Promise<void> {
  const person = personOf(request);
  const { categories: sent = [] } = fieldsIn(request.body);
  const chosen = (Array.isArray(sent) ? sent : [sent]).filter((one) => typeof one === 'string' && isCategory(one));
  const offered = offeredTo(parts, person);
  const kept = (await parts.preferences.of(person.id)).filter((category) => !offered.includes(category));
  const wanted = [...kept, ...offered.filter((category) => chosen.includes(category))];
  await parts.preferences.choose(person.id, wanted, { ...actorOf(parts, request), subject: person.login });
  response.redirect(303, `${parts.views.prefix}${page}?saved=yes`);
}

async function unsubscribe(parts: NotificationPageParts, request: Request, response: Response): Promise<void> {
  const token = tokenIn(parts, request);
  await parts.preferences.unsubscribe(token, parts.requesterOf(request));
  parts.views.page(response, 'unsubscribe', { token, isDone: true });
}

/** @throws {Refusal} `bad_request` for one that isn't genuine */
function tokenIn({ preferences, views }: NotificationPageParts, request: Request): string {
  const token = fieldsOf(request.query)('token');
  if (preferences.isGenuine(token)) return token;
  throw new Refusal(
    'bad_request',
    `This link is incomplete. Open the one in the e-mail again, or sign in and choose under ${views.prefix}${page}.`,
  );
}
