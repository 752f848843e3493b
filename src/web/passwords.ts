/** Owns the pages where people list, create and revoke their own passwords. */
import express, { type Request, type Response, type Router } from 'express';
import type { AppPassword, AppPasswords, PasswordWish } from '../app-passwords.ts';
import type { Client } from '../audit.ts';
import { Refusal } from '../errors.ts';
import type { Account } from '../store/accounts.ts';
import { promptCommand, toolsFor } from './commands.ts';
import { type PasswordView, viewOf } from './password-view.ts';
import type { Views } from './views.ts';

export type PasswordPageParts = {
  readonly passwords: AppPasswords;
  /** Whoever is signed in; the router stands behind a guard that lets nobody else through. */
  readonly personOf: (request: Request) => Pick<Account, 'id' | 'login'>;
  readonly clientOf: (request: Request) => Client;
  readonly views: Views;
  /** `registryHost` is what clients write before an image's name; `lifetime` of a token in seconds. */
  readonly services: readonly { readonly registryHost: string; readonly lifetime: number }[];
  readonly now: () => number;
};

/** The form as it is shown: empty, or as it was sent when something was wrong with it. */
type Form = {
  readonly name: string;
  readonly days: number;
  readonly access: string;
  readonly repositories: string;
  readonly error: string | null;
  readonly lifetimes: readonly { readonly days: number; readonly label: string }[];
};

const section = '/';
const form = express.urlencoded({ extended: false, limit: '16kb' });
const offeredDays = [7, 30, 90, 365];
const defaultDays = 90;
/** From this many passwords on, the list has a filter. */
const filterFrom = 6;

export function mountPasswords(router: Router, parts: PasswordPageParts): void {
  const { passwords, personOf, clientOf, views, now } = parts;
  const hosts = parts.services.map((service) => service.registryHost);
  const by = (request: Request) => ({ actor: personOf(request).login, client: clientOf(request) });
  const listOf = async (request: Request): Promise<PasswordView[]> =>
    (await passwords.ofAccount(personOf(request))).map((password) => viewOf(password, now()));

  router.get('/', async (request, response) => {
    const all = await listOf(request);
    if (all.length === 0) return showForm(response, parts, { ...emptyForm(passwords), name: 'My laptop' }, 'welcome');
    const isLive = ({ state }: PasswordView) => state === 'live' || state === 'soon';
    views.page(response, 'passwords', {
      section,
      live: all.filter(isLive),
      past: all.filter((password) => !isLive(password)),
      maximum: passwords.maximumPerAccount,
      hasFilter: all.length >= filterFrom,
      revoked: all.find(({ id, state }) => state === 'revoked' && id === request.query['revoked']) ?? null,
      hosts,
    });
  });

  router.get('/passwords/new', (_request, response) => showForm(response, parts, emptyForm(passwords), 'new'));

  router.post('/passwords', form, async (request, response) => {
    const person = personOf(request);
    const fields = readFields(request.body);
    try {
      const { secret, password } = await passwords.issue(person, toWish(fields), by(request));
      // No redirect: the secret stands in this one answer, and nothing in between has to keep it.
      views.page(response, 'password-created', {
        section,
        secret,
        password: viewOf(password, now()),
        tools: toolsFor({ hosts, user: person.login, secret }),
        prompt: promptCommand({ hosts, user: person.login }),
      });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      showForm(response, parts, { ...emptyForm(passwords), ...fields, error: error.message }, 'new', error.status);
    }
  });

  router.get('/passwords/:id/revoke', async (request, response) => {
    const password = ownPassword(await passwords.ofAccount(personOf(request)), request.params.id);
    const seconds = Math.max(...parts.services.map((service) => service.lifetime));
    views.page(response, 'password-revoke', {
      section,
      password: viewOf(password, now()),
      tokenMinutes: Math.ceil(seconds / 60),
    });
  });

  router.post('/passwords/:id/revoke', async (request, response) => {
    const { id } = await passwords.revoke(request.params.id, personOf(request).id, by(request));
    response.redirect(303, `${views.prefix}/?revoked=${encodeURIComponent(id)}`);
  });
}

function showForm(
  response: Response,
  parts: PasswordPageParts,
  form: Form,
  page: 'new' | 'welcome',
  status = 200,
): void {
  const host = parts.services[0]?.registryHost;
  parts.views.page(response, `password-${page}`, { section, form, host }, status);
}

function emptyForm({ maximumDays }: AppPasswords): Form {
  const days = offeredDays.filter((offered) => offered <= maximumDays);
  if (maximumDays < Math.max(...offeredDays) && !days.includes(maximumDays)) days.push(maximumDays);
  return {
    name: '',
    days: days.includes(defaultDays) ? defaultDays : Math.max(...days),
    access: 'full',
    repositories: '',
    error: null,
    lifetimes: days.map((count) => ({ days: count, label: count === 365 ? '1 year' : `${count} days` })),
  };
}

/** A body is what somebody sent: a field may be missing, or be there twice. */
function readFields(body: unknown): Pick<Form, 'name' | 'days' | 'access' | 'repositories'> {
  const fields = (body ?? {}) as Record<string, unknown>;
  const text = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  return {
    name: text('name'),
    days: Number(text('days')),
    access: text('access'),
    repositories: text('repositories'),
  };
}

/** Full access is given to whoever asks for it, not to whoever forgets to say. */
function toWish(fields: Pick<Form, 'name' | 'days' | 'access' | 'repositories'>): PasswordWish {
  return {
    name: fields.name,
    days: fields.days,
    pullOnly: fields.access !== 'full',
    repositories: fields.repositories.split(/\r?\n/),
  };
}

function ownPassword(own: readonly AppPassword[], id: string): AppPassword {
  const password = own.find((candidate) => candidate.id === id);
  if (password === undefined)
    throw new Refusal('not_found', 'You have no such password. Your passwords are on the first page.');
  return password;
}
