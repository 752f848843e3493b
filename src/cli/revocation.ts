/** Owns `dockpass revocation ...`: ending many passwords at a time, and taking it back. */

import type { Preview, Revocation } from '../accounts/revocations.ts';
import type { Selection } from '../accounts/selection.ts';
import type { Core } from '../app/core.ts';
import { countOf, wordFor } from '../lib/count.ts';
import { minuteOf } from '../lib/time.ts';
import { type Command, textOf, type Values } from './command.ts';
import { accountOf, byCommandLine, withAdministration } from './core.ts';
import { previewFieldsText, revocationFields } from './json-fields.ts';
import { type Column, note, reply, replyList } from './output.ts';
import { readTime, reasonOption } from './person.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

export const revocationCommands: readonly Command[] = [
  {
    name: 'revocation create',
    usage:
      '[--email EMAIL] [--domain DOMAIN] [--group GROUP] [--provider NAME] [--created-before DATE] [--unused-since DATE] [--reason TEXT] [--yes] [--json]',
    summary: 'Revoke all active passwords that match every filter; without --yes, only say which',
    details: ['It can be undone for 24 hours: dockpass revocation undo ID.'],
    options: {
      email: { ...text, value: 'EMAIL', help: 'passwords of this account' },
      domain: { ...text, value: 'DOMAIN', help: 'of people of this domain' },
      group: { ...text, value: 'GROUP', help: 'of members of this group' },
      provider: { ...text, value: 'NAME', help: 'of people of this provider' },
      'created-before': { ...text, value: 'DATE', help: 'created before this day (2026-11-01) or time' },
      'unused-since': { ...text, value: 'DATE', help: 'not used since this day or time' },
      reason: reasonOption,
      yes: { ...flag, help: 'revoke them' },
    },
    json: {
      fields: { preview: previewFieldsText, revocation: 'as in "revocation list"; null without --yes' },
    },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ revocations }, core) => {
        const selection = await readSelection(core, values);
        const preview = await revocations.preview(selection);
        const reason = textOf(values, 'reason') ?? '';
        const revocation =
          values['yes'] === true ? await revocations.revoke(selection, preview.passwords, reason, byCommandLine) : null;
        const done = revocation === null ? [] : [revocationColumns.map(([, of]) => of(revocation)).join('  ')];
        reply(terminal, values, { preview, revocation }, [...describePreview(preview), ...done]);
        if (revocation === null) note(terminal, values, 'Nothing was revoked. With --yes, all of them are.');
      }),
  },
  {
    name: 'revocation list',
    usage: '[--json]',
    summary: 'List the latest revocations by administrators',
    json: { list: true, fields: revocationFields },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ revocations }) => {
        replyList(terminal, values, await revocations.recent(), revocationColumns, 'There are no revocations.');
      }),
  },
  {
    name: 'revocation undo',
    usage: 'ID [--json]',
    summary: 'Undo a revocation, within 24 hours',
    json: { fields: { passwords: 'how many passwords work again' } },
    operands: [1, 1],
    run: ([id = ''], values, terminal) =>
      withAdministration(terminal, async ({ revocations }) => {
        const passwords = await revocations.undo(id, byCommandLine);
        const sentence = `${countOf(passwords, 'password')} ${wordFor(passwords, 'works', 'work')} again.`;
        reply(terminal, values, { passwords }, [sentence]);
      }),
  },
];

const revocationColumns: readonly Column<Revocation>[] = [
  ['ID', ({ id }) => id],
  ['TIME', ({ at }) => minuteOf(at)],
  ['BY', ({ by }) => by],
  ['PASSWORDS', ({ passwords }) => String(passwords)],
  ['UNDO', undoOf],
  ['REASON', ({ reason }) => reason],
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

function describePreview({ people, passwords, alreadyRevoked, approvedTerminals, sample, uses }: Preview): string[] {
  return [
    `${countOf(passwords, 'active password')} of ${countOf(people, 'account')}.`,
    ...sample.map(({ id, login, name }) => `  ${id}  ${login}  ${name}`),
    ...(passwords > sample.length ? [`  and ${passwords - sample.length} more`] : []),
    ...(alreadyRevoked === 0
      ? []
      : [`  ${alreadyRevoked} more revoked already: if that is undone, this revocation keeps them revoked`]),
    ...(approvedTerminals === 0
      ? []
      : [`  ${approvedTerminals} approved terminals that collect no password then, even if this is undone`]),
    ...uses.map(({ kind, value, lastAt }) => `  used: ${kind} ${value}, last ${minuteOf(lastAt)}`),
  ];
}

function undoOf({ undone, undoUntil }: Revocation): string {
  if (undone !== null) return `undone by ${undone.by}`;
  return undoUntil <= Date.now() ? 'final' : `until ${minuteOf(undoUntil)}`;
}
