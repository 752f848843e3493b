/** Owns the pages where people list, create and revoke their own passwords. */
import express, { type Request, type RequestHandler, type Response } from 'express';
import type { Actor, AppPasswords, PasswordWish } from '../app-passwords.ts';
import type { Client } from '../audit.ts';
import { Refusal } from '../errors.ts';
import type { Patience } from '../identity/standing.ts';
import { toolsFor } from './commands.ts';
import { type PasswordView, viewOf } from './password-view.ts';
import { personOf } from './session.ts';
import { standingViewOf } from './standing-view.ts';
import type { Views } from './views.ts';

export type PasswordPageParts = {
  readonly passwords: AppPasswords;
  readonly clientOf: (request: Request) => Client;
  readonly views: Views;
  /** `registryHost` is what clients write before an image's name; `lifetime` of a token in seconds. */
  readonly services: readonly { readonly registryHost: string; readonly lifetime: number }[];
  /** How long the provider's word counts. */
  readonly patience: Patience;
  readonly now: () => number;
};

type IdHandler = RequestHandler<{ id: string }>;
type IdRequest = Request<{ id: string }>;

/** To be mounted behind a guard that lets nobody through who is not signed in. */
export type PasswordPages = {
  /** GET / */
  readonly list: RequestHandler;
  /** GET /passwords/new */
  readonly ask: RequestHandler;
  /** POST /passwords, with the parser of its form */
  readonly create: RequestHandler[];
  /** GET /passwords/:id/revoke */
  readonly confirmRevocation: IdHandler;
  /** POST /passwords/:id/revoke */
  readonly revoke: IdHandler;
};

/** The form as it is shown: empty, or as it was sent when something was wrong with it. */
type Form = {
  readonly name: string;
  readonly days: number;
  readonly access: string;
  readonly repositories: string;
  /** `field`: the name of the field that it stands beside; `null`: it is about the whole form. */
  readonly error: { readonly message: string; readonly field: string | null } | null;
  readonly lifetimes: readonly { readonly days: number; readonly label: string }[];
};

const section = '/';
const readForm = express.urlencoded({ extended: false, limit: '16kb' });
const offeredDays = [7, 30, 90, 365];
const defaultDays = 90;
/** From this many passwords on, the list has a filter. */
const filterFrom = 6;

export function createPasswordPages(parts: PasswordPageParts): PasswordPages {
  return {
    list: (request, response) => list(parts, request, response),
    ask: (_request, response) => showForm(parts, response, emptyForm(parts.passwords)),
    create: [readForm, (request, response) => create(parts, request, response)],
    confirmRevocation: (request, response) => confirmRevocation(parts, request, response),
    revoke: (request, response) => revoke(parts, request, response),
  };
}

async function list(parts: PasswordPageParts, request: Request, response: Response) {
  const { passwords, views, services, now } = parts;
  const person = personOf(request);
  const standing = standingViewOf(person, parts.patience, views.prefix, now());
  const all = (await passwords.ofAccount(person)).map((password) => viewOf(password, now()));
  if (all.length === 0) {
    const form = { ...emptyForm(passwords), name: 'My laptop' };
    return views.page(response, 'password-welcome', { section, standing, form, host: services[0]?.registryHost });
  }
  const isLive = ({ state }: PasswordView) => state === 'live' || state === 'soon';
  views.page(response, 'passwords', {
    section,
    standing,
    live: all.filter(isLive),
    past: all.filter((password) => !isLive(password)),
    maximum: passwords.maximumPerAccount,
    hasFilter: all.length >= filterFrom,
    revoked: all.find(({ id, state }) => state === 'revoked' && id === request.query['revoked']) ?? null,
    hosts: services.map((service) => service.registryHost),
  });
}

/** No redirect after the POST: the secret stands in this one answer, and nothing in between has to keep it. */
async function create(parts: PasswordPageParts, request: Request, response: Response): Promise<void> {
  const { passwords, services, views, now } = parts;
  const person = personOf(request);
  const fields = readFields(request.body);
  const login = { hosts: services.map((service) => service.registryHost), user: person.login };
  try {
    const { secret, password } = await passwords.issue(person, toWish(fields), actorOf(parts, request));
    const tools = toolsFor({ ...login, secret });
    const view = viewOf(password, now());
    views.page(response, 'password-created', { section, secret, password: view, tools });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    showForm(
      parts,
      response,
      { ...emptyForm(passwords), ...fields, error: { message: error.message, field: error.field ?? null } },
      error.status,
    );
  }
}

async function confirmRevocation(parts: PasswordPageParts, request: IdRequest, response: Response): Promise<void> {
  const password = (await parts.passwords.ofAccount(personOf(request))).find(({ id }) => id === request.params.id);
  if (password === undefined) throw new Refusal('not_found', 'You have no such password. Yours are on the first page.');
  const seconds = Math.max(...parts.services.map((service) => service.lifetime));
  const data = { section, password: viewOf(password, parts.now()), tokenMinutes: Math.ceil(seconds / 60) };
  parts.views.page(response, 'password-revoke', data);
}

async function revoke(parts: PasswordPageParts, request: IdRequest, response: Response): Promise<void> {
  const { id } = await parts.passwords.revoke(request.params.id, personOf(request).id, actorOf(parts, request));
  response.redirect(303, `${parts.views.prefix}/?revoked=${encodeURIComponent(id)}`);
}

function actorOf({ clientOf }: PasswordPageParts, request: IdRequest | Request): Actor {
  return { actor: personOf(request).login, client: clientOf(request as Request) };
}

function showForm(parts: PasswordPageParts, response: Response, form: Form, status = 200): void {
  parts.views.page(response, 'password-new', { section, form }, status);
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

/**
 * A body is what somebody sent: a field may be missing, or be there twice.
 * @throws {Refusal} a field is there twice: to take one, or none, could give more access than was asked for
 */
function readFields(body: unknown): Pick<Form, 'name' | 'days' | 'access' | 'repositories'> {
  const fields = (body ?? {}) as Record<string, unknown>;
  const text = (name: string): string => {
    const value = fields[name] ?? '';
    if (typeof value === 'string') return value;
    throw new Refusal('bad_request', `The form holds "${name}" more than once. Open the page again and fill it in.`);
  };
  return {
    name: text('name'),
    days: /^\d+$/.test(text('days')) ? Number(text('days')) : Number.NaN, // Number() takes 0x10 and 1e1 too
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
