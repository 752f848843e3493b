/** Owns `dockpass person ...`: who holds what, and blocking accounts. */
import type { PeoplePage, Person } from '../accounts/people.ts';
import { whyConfusable } from '../identity/confusable-address.ts';
import { countOf } from '../lib/count.ts';
import { isDay } from '../lib/time.ts';
import { type Command, textOf, UsageError, type Values } from './command.ts';
import { accountOf, byCommandLine, withAdministration } from './core.ts';
import { personFields } from './json-fields.ts';
import { keptLoginCommands } from './kept-logins.ts';
import { type Column, confirm, note, nothingRemoved, reply, replyList } from './output.ts';
import { moveCommands } from './person-moves.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const order = { state: null, sort: 'login', descending: false } as const;
export const reasonOption = {
  ...text,
  value: 'TEXT',
  help: 'shown to the person and recorded in the audit log',
} as const;

export const personCommands: readonly Command[] = [
  {
    name: 'person list',
    usage: '[SEARCH] [--group GROUP] [--domain DOMAIN] [--provider NAME] [--unvouched] [--confusable] [--json]',
    summary: 'List people, with their active passwords and state; SEARCH is part of a login or name',
    options: {
      group: { ...text, value: 'GROUP', help: 'only members of this group' },
      domain: { ...text, value: 'DOMAIN', help: 'only people of this domain' },
      provider: { ...text, value: 'NAME', help: 'only people of this provider' },
      unvouched: {
        ...flag,
        help: 'only accounts suspended because their provider is not the authority for the address',
      },
      confusable: {
        ...flag,
        help: 'only people whose address could be mistaken for another; new ones like that are refused',
      },
    },
    json: { list: true, fields: personFields },
    operands: [0, 1],
    run: ([search = ''], values, terminal) =>
      withAdministration(terminal, async ({ people }) => {
        const filter = {
          group: textOf(values, 'group'),
          domain: textOf(values, 'domain'),
          provider: textOf(values, 'provider'),
          unvouched: values['unvouched'] === true,
        };
        const all = await everyPage((page) => people.list({ ...order, ...filter, search, page }));
        const isConfusable = ({ login }: Person) => values['confusable'] !== true || whyConfusable(login) !== null;
        replyList(terminal, values, all.filter(isConfusable), personColumns, 'No one matches.');
      }),
  },
  {
    name: 'person disable',
    usage: 'EMAIL [--reason TEXT] [--security] [--json]',
    summary: 'Disable an account: blocks its passwords, sessions and sign-in until it is enabled again',
    options: {
      reason: reasonOption,
      security: {
        ...flag,
        help: "also end the robots' passwords that the person made, without a grace period",
      },
    },
    json: { fields: { login: 'whose account it is', made: 'active passwords of robots that this person made' } },
    operands: [1, 1],
    run: ([email = ''], values, terminal) =>
      withAdministration(terminal, async ({ people }, core) => {
        const { id, login } = await accountOf(core, email);
        const forSecurity = values['security'] === true;
        const reason = textOf(values, 'reason') ?? '';
        await people.disable(id, reason, byCommandLine, { forSecurity });
        const { person, made: owned } = await people.detail(id);
        const made = owned.passwords;
        const lines = made.map((password) => `made ${password.login}  ${password.id}  ${password.name}`);
        confirm(terminal, values, { login, made }, [disabledLine(person, reason), ...lines].join('\n'));
      }),
  },
  ...moveCommands,
  {
    name: 'person enable',
    usage: 'EMAIL [--json]',
    summary: 'Enable a disabled account: its owner can sign in again, and the passwords work again',
    json: { fields: { login: 'whose account it is' } },
    operands: [1, 1],
    run: ([email = ''], values, terminal) =>
      withAdministration(terminal, async ({ people }, core) => {
        const { id, login } = await accountOf(core, email);
        await people.enable(id, byCommandLine);
        confirm(terminal, values, { login }, `${login} is enabled.`);
      }),
  },
  {
    name: 'person remove',
    usage: 'EMAIL [--release] [--yes] [--json]',
    summary:
      'Permanently delete an account with its passwords and sessions; without --yes, only say what would be deleted',
    details: [
      'Rules can name the address, so only the same person can sign in with it again, unless it is released. Audit entries about the account are kept.',
      'It doesn\'t block the person: they can sign in again and start with a new account. For that, use "person disable".',
    ],
    options: {
      yes: { ...flag, help: 'delete it' },
      release: {
        ...flag,
        help: 'let anyone who signs in with the address next have it, as "person release" does later',
      },
    },
    json: {
      fields: {
        login: 'whose account it is',
        provider: 'who vouched for it',
        passwords: 'how many active passwords it has',
        sessions: 'how many sessions it has',
        removed: 'true with --yes',
      },
    },
    operands: [1, 1],
    run: ([email = ''], values, terminal) =>
      withAdministration(terminal, async ({ people }, core) => {
        const { id, login } = await accountOf(core, email);
        const { person, sessions } = await people.detail(id);
        const removed = values['yes'] === true;
        if (removed) await people.remove(id, byCommandLine, { releasesLogin: values['release'] === true });
        const { provider, activePasswords: passwords } = person;
        reply(terminal, values, { login, provider, passwords, sessions: sessions.length, removed }, [
          `${login} of ${provider}: ${countOf(passwords, 'active password')}, ${countOf(sessions.length, 'session')}.`,
          ...(removed ? [`${login} is removed.`] : []),
        ]);
        if (!removed) note(terminal, values, nothingRemoved);
      }),
  },
  ...keptLoginCommands,
];

/** The first reason stays; its owner could have read it. */
function disabledLine({ login, stateReason, stateBy }: Person, reason: string): string {
  if (reason.trim() === (stateReason ?? '')) return `${login} is disabled.`;
  const why = stateReason === null ? 'without a reason' : stateReason;
  return `${login} is disabled already, by ${stateBy}: ${why}. That stays as it is.`;
}

/** All pages of a list. */
async function everyPage(page: (number: number) => Promise<PeoplePage>): Promise<Person[]> {
  const found: Person[] = [];
  for (let number = 1, pages = 1; number <= pages; number++) {
    const { people, pages: count } = await page(number);
    pages = count;
    found.push(...people);
  }
  return found;
}

const personColumns: readonly Column<Person>[] = [
  ['LOGIN', ({ login }) => login],
  ['PROVIDER', ({ provider }) => provider],
  ['PASSWORDS', ({ activePasswords }) => String(activePasswords)],
  ['STATE', ({ state }) => state],
  ['REASON', ({ stateReason }) => stateReason ?? ''],
];

/** "2026-11-01" is its first moment, and a time without a zone is UTC too, whatever the machine's zone. @throws {UsageError} */
export function readTime(values: Values, option: string): number | null {
  const value = values[option];
  if (typeof value !== 'string') return null;
  const inZone = /\d:\d\d(:\d\d(\.\d+)?)?$/.test(value) && !/[+-]\d\d:\d\d$/.test(value) ? `${value}Z` : value;
  const time = isDay(value.slice(0, '2026-11-01'.length)) ? Date.parse(inZone) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new UsageError(
      `--${option} takes a day such as 2026-11-01 or a time such as 2026-11-01T14:05Z, not "${value}".`,
    );
  }
  return time;
}
