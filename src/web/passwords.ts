/** Owns the first page: a person's passwords, which of them end soon, which an administrator ended. */
import type { Request, RequestHandler, Response } from 'express';
import type { AppPasswords } from '../app-passwords/app-passwords.ts';
import type { DailyCounts } from '../audit/daily-counts.ts';
import { accountStatusOf, type GracePeriods } from '../identity/account-status.ts';
import { day } from '../lib/time.ts';
import { accountStatusViewOf } from './account-status-view.ts';
import { sections } from './navigation.ts';
import type { Holder, PasswordActionParts } from './password-actions.ts';
import { emptyForm } from './password-form.ts';
import { chartDays, type PasswordRow, rowsOf } from './password-rows.ts';
import type { PasswordView } from './password-view.ts';
import { personOf } from './session.ts';
import type { Views } from './views.ts';

export type PasswordPageParts = {
  readonly passwords: AppPasswords;
  readonly dailyCounts: Pick<DailyCounts, 'ofPasswords'>;
  readonly suggestionsOf: PasswordActionParts['suggestionsOf'];
  readonly views: Views;
  /** `registryHost` is what clients write before an image's name. */
  readonly services: readonly { readonly registryHost: string }[];
  /** How long the provider's word counts. */
  readonly gracePeriods: GracePeriods;
  readonly now: () => number;
};

type Taken = { readonly names: readonly string[]; readonly revoked: NonNullable<PasswordView['revoked']> };

declare module './views.ts' {
  interface ViewData {
    /** `host`: the first registry's. */
    'password-welcome': ViewData['account-status'] & ViewData['password-form'] & { section: string; host: string };
    passwords: ViewData['account-status'] & {
      section: string;
      base: string;
      live: readonly PasswordRow[];
      past: readonly PasswordRow[];
      /** Those that expire soon. */
      ending: readonly PasswordView[];
      /** Those that expired recently while something used them, and weren't created again. */
      missed: readonly PasswordView[];
      /** Those that someone else revoked recently, as each revocation ended them. */
      taken: readonly Taken[];
      /** Active passwords that count toward `maximum`; a terminal’s don’t. */
      count: number;
      maximum: number;
      /** Terminals that were signed in recently. */
      terminals: PasswordView[];
      hasFilter: boolean;
      /** The one that was just revoked. */
      revoked: PasswordView | null;
      hosts: readonly string[];
    };
  }
}

const section = sections.passwords;
/** From this many passwords on, the list has a filter. */
const filterFrom = 6;
/** How long a revocation by an administrator is shown at the top of the page, in milliseconds. */
const shownFor = 14 * day;
/** How long an expiry is shown at the top of the page, and how soon before it something must have used the password, in milliseconds. */
const missedFor = 30 * day;
const usedWithin = 14 * day;
/** How long a terminal that was signed in is shown at the top of the page, in milliseconds. */
const noticedFor = 2 * day;

/** The person's own passwords, for the pages about each. */
export function createOwnHolder({
  gracePeriods,
  now,
}: Pick<PasswordPageParts, 'gracePeriods' | 'now'>): (request: Request) => Promise<Holder> {
  const place = { base: '', home: section, homeLabel: 'App passwords', section, tab: null };
  return async (request) => {
    const owner = personOf(request);
    return { owner, isSuspended: accountStatusOf(owner, gracePeriods, now()).use === 'none', ...place };
  };
}

/** GET /; mount behind a guard that only lets people through who are signed in. */
export function createPasswordList(parts: PasswordPageParts): RequestHandler {
  return (request, response) => list(parts, request, response);
}

async function list(parts: PasswordPageParts, request: Request, response: Response): Promise<void> {
  const { passwords, views, services, now } = parts;
  const person = personOf(request);
  const status = accountStatusViewOf(person, parts.gracePeriods, views.prefix, now());
  const found = await passwords.ofAccount(person);
  const hosts = services.map((service) => service.registryHost);
  if (found.length === 0) {
    const form = { ...emptyForm(parts), name: 'My laptop' };
    return views.page(response, 'password-welcome', {
      section,
      status,
      base: '',
      home: section,
      robot: null,
      form,
      suggestions: await parts.suggestionsOf(request, person),
      host: hosts[0] ?? 'the registry',
    });
  }
  const active = found.filter(({ state }) => state === 'active').map(({ id }) => id);
  const logins = await parts.dailyCounts.ofPasswords(active, chartDays);
  const { live, past } = rowsOf(found, { logins, now: now(), isSuspended: status.isSuspended });
  const all = [...live, ...past];
  views.page(response, 'passwords', {
    section,
    status,
    base: '',
    live,
    past,
    // A terminal's login always ends soon, and is made again there.
    ending: live.filter(({ state, replacedBy, origin }) => state === 'soon' && replacedBy === null && origin === null),
    terminals: live.filter((password) => isNewTerminal(password, now())),
    missed: past.filter((password) => isMissed(password, live, now())),
    taken: takenOf(all, person.login, now()),
    count: live.filter(({ replacedBy, origin }) => replacedBy === null && origin === null).length,
    maximum: passwords.maximumPerAccount,
    hasFilter: all.length >= filterFrom,
    revoked: all.find(({ id, state }) => state === 'revoked' && id === request.query['revoked']) ?? null,
    hosts,
  });
}

/** Whether it came from a terminal so recently that its owner should know of it. */
function isNewTerminal({ origin, created }: PasswordView, now: number): boolean {
  return origin !== null && Date.parse(created.iso) > now - noticedFor;
}

/** Whether something probably broke when it expired, and still is. */
function isMissed(password: PasswordView, live: readonly PasswordView[], now: number): boolean {
  const { state, name, expires, lastUse, origin, replacedBy } = password;
  if (state !== 'expired' || lastUse === null || origin !== null || replacedBy !== null) return false;
  const end = Date.parse(expires.iso);
  const wasInUse = Date.parse(lastUse.iso) > end - usedWithin;
  return wasInUse && end > now - missedFor && live.every((other) => other.name !== name);
}

/** What someone else ended recently, all of one moment and reason together. */
function takenOf(passwords: readonly PasswordView[], login: string, now: number): Taken[] {
  const taken = new Map<string, { readonly revoked: Taken['revoked']; readonly names: string[] }>();
  for (const { name, revoked } of passwords) {
    if (revoked === null || revoked.by === login || Date.parse(revoked.iso) <= now - shownFor) continue;
    const key = [revoked.iso, revoked.by, revoked.reason].join('\n');
    const known = taken.get(key) ?? { revoked, names: [] };
    known.names.push(name);
    taken.set(key, known);
  }
  return [...taken.values()];
}
