/** Owns `dockpass person ...` and `dockpass revocation ...`: who holds what, and stopping it. */
import type { Preview, Revocation } from '../accounts/revocations.ts';
import type { Selection } from '../accounts/selection.ts';
import type { Core } from '../app/core.ts';
import { whyConfusable } from '../identity/confusable-address.ts';
import { isDay, minuteOf } from '../lib/time.ts';
import { type Command, type Terminal, UsageError, type Values } from './command.ts';
import { accountOf, byCommandLine, withAdministration } from './core.ts';
import { moveCommands } from './person-moves.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const order = { state: null, sort: 'login', descending: false } as const;

export const personCommands: readonly Command[] = [
  {
    name: 'person list',
    usage: '[SEARCH] [--group GROUP] [--domain DOMAIN] [--provider PROVIDER] [--unvouched] [--confusable] [--json]',
    summary: 'List people, with their live passwords and state; SEARCH is a part of a login or name',
    details: [
      '  --unvouched   only accounts suspended because their provider is not the authority for the address',
      '  --confusable  only people whose address could pass for another one; new ones are refused',
    ],
    options: { json: flag, group: text, domain: text, provider: text, unvouched: flag, confusable: flag },
    operands: [0, 1],
    run: ([search = ''], values, terminal) =>
      withAdministration(terminal, async ({ people }) => {
        const given = (name: string) => (typeof values[name] === 'string' ? values[name] : null);
        const filter = {
          group: given('group'),
          domain: given('domain'),
          provider: given('provider'),
          unvouched: values['unvouched'] === true,
        };
        for (let number = 1, pages = 1; number <= pages; number++) {
          const found = await people.list({ ...order, ...filter, search, page: number });
          pages = found.pages;
          for (const person of found.people) {
            if (values['confusable'] === true && whyConfusable(person.login) === null) continue;
            const { login, provider, livePasswords, state } = person;
            const line = [login, provider, `${livePasswords} live`, state, person.stateReason ?? '']
              .join('  ')
              .trimEnd();
            terminal.out(values['json'] === true ? JSON.stringify(person) : line);
          }
        }
      }),
  },
  {
    name: 'person disable',
    usage: 'EMAIL [--reason TEXT] [--security]',
    summary: 'Stop someone: passwords and sessions immediately, sign-in refused, until enabled again',
    details: [
      '  --reason TEXT   told to the person',
      "  --security      robots' passwords that the person made stop immediately, without a grace period",
    ],
    options: { reason: text, security: { type: 'boolean' } },
    operands: [1, 1],
    run: ([email = ''], { reason, security }, terminal) =>
      withAdministration(terminal, async ({ people }, core) => {
        const { id, login } = await accountOf(core, email);
        const why = typeof reason === 'string' ? reason : '';
        await people.disable(id, why, byCommandLine, { forSecurity: security === true });
        terminal.out(`${login} is disabled.`);
        const { passwords } = (await people.detail(id)).made;
        for (const made of passwords) terminal.out(`made ${made.login}  ${made.id}  ${made.name}`);
      }),
  },
  ...moveCommands,
  {
    name: 'person enable',
    usage: 'EMAIL',
    summary: 'Let a disabled person sign in and use their passwords again',
    operands: [1, 1],
    run: ([email = ''], _values, terminal) =>
      withAdministration(terminal, async ({ people }, core) => {
        const { id, login } = await accountOf(core, email);
        await people.enable(id, byCommandLine);
        terminal.out(`${login} is enabled.`);
      }),
  },
  {
    name: 'person remove',
    usage: 'EMAIL [--yes]',
    summary: 'Delete an account, its passwords and sessions, for good; without --yes only say what would go',
    details: [
      'It frees the e-mail address for somebody else who has it now. What the audit has of the account stays.',
      'Whom the provider still lets in can sign in again and begins anew: to keep somebody out, use "person disable".',
    ],
    options: { yes: flag },
    operands: [1, 1],
    run: ([email = ''], { yes }, terminal) =>
      withAdministration(terminal, async ({ people }, core) => {
        const { id, login } = await accountOf(core, email);
        const { person, sessions } = await people.detail(id);
        terminal.out(
          `${login} of ${person.provider}: ${person.livePasswords} live passwords, ${sessions.length} sessions.`,
        );
        if (yes !== true) return terminal.err('Nothing was removed. Say --yes to remove all of it for good.');
        await people.remove(id, byCommandLine);
        terminal.out(`${login} is removed.`);
      }),
  },
  {
    name: 'revocation create',
    usage:
      '[--email EMAIL] [--domain D] [--group G] [--provider P] [--created-before DATE] [--unused-since DATE] [--reason TEXT] [--yes]',
    summary: 'Revoke all live passwords to which everything that is given applies; without --yes only say which',
    details: ['It can be undone for 24 hours: dockpass revocation undo ID.'],
    options: {
      ...{ email: text, domain: text, group: text, provider: text, reason: text, yes: flag },
      ...{ 'created-before': text, 'unused-since': text },
    },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ revocations }, core) => {
        const selection = await readSelection(core, values);
        const preview = await revocations.preview(selection);
        printPreview(preview, terminal);
        if (values['yes'] !== true) return;
        const reason = typeof values['reason'] === 'string' ? values['reason'] : '';
        printRevocation(await revocations.revoke(selection, preview.passwords, reason, byCommandLine), terminal);
      }),
  },
  {
    name: 'revocation list',
    usage: '',
    summary: 'List the latest revocations by administrators',
    operands: [0, 0],
    run: (_operands, _values, terminal) =>
      withAdministration(terminal, async ({ revocations }) => {
        for (const revocation of await revocations.recent()) printRevocation(revocation, terminal);
      }),
  },
  {
    name: 'revocation undo',
    usage: 'ID',
    summary: 'Let the passwords of a revocation work again, within 24 hours',
    operands: [1, 1],
    run: ([id = ''], _values, terminal) =>
      withAdministration(terminal, async ({ revocations }) => {
        terminal.out(`${await revocations.undo(id, byCommandLine)} passwords work again.`);
      }),
  },
];

async function readSelection(core: Core, values: Values): Promise<Selection> {
  const { email, domain, group, provider } = values;
  const [before, since] = [readTime(values, 'created-before'), readTime(values, 'unused-since')];
  return {
    ...(typeof email === 'string' && { accountId: (await accountOf(core, email)).id }),
    ...(typeof domain === 'string' && { domain }),
    ...(typeof group === 'string' && { group }),
    ...(typeof provider === 'string' && { provider }),
    ...(before !== null && { createdBefore: before }),
    ...(since !== null && { unusedSince: since }),
  };
}

/** "2026-11-01" is its first moment in UTC. @throws {UsageError} */
export function readTime(values: Values, option: string): number | null {
  const value = values[option];
  if (typeof value !== 'string') return null;
  const time = isDay(value.slice(0, '2026-11-01'.length)) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time)) throw new UsageError(`--${option} takes a date such as 2026-11-01, not "${value}".`);
  return time;
}

function printPreview({ people, passwords, sample, uses }: Preview, terminal: Terminal): void {
  terminal.out(`${passwords} live passwords of ${people} accounts.`);
  for (const { id, login, name } of sample) terminal.out(`  ${id}  ${login}  ${name}`);
  if (passwords > sample.length) terminal.out(`  and ${passwords - sample.length} more`);
  for (const { kind, value, lastAt } of uses) terminal.out(`  used: ${kind} ${value}, last ${minuteOf(lastAt)}`);
}

function printRevocation({ id, at, by, passwords, reason, undone, undoUntil }: Revocation, terminal: Terminal): void {
  const isFinal = undoUntil <= Date.now();
  const end =
    undone !== null ? `undone by ${undone.by}` : isFinal ? 'final' : `can be undone until ${minuteOf(undoUntil)}`;
  terminal.out(
    [id, minuteOf(at), by, `${passwords} passwords`, reason, end].filter((field) => field !== '').join('  '),
  );
}
