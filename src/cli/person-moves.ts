/** Owns `dockpass person move`, `relink` and `moves`: accounts that follow their people to another issuer or provider. */

import type { AllowedMove } from '../accounts/moves.ts';
import { countOf } from '../lib/count.ts';
import { minuteOf } from '../lib/time.ts';
import { type Command, textOf, UsageError } from './command.ts';
import { accountOf, byCommandLine, withAdministration } from './core.ts';
import { type Column, confirm, reply, replyList } from './output.ts';

const text = { type: 'string' } as const;
const dryRun = { type: 'boolean', help: 'only say what would happen' } as const;

export const moveCommands: readonly Command[] = [
  {
    name: 'person move',
    usage: '--from ISSUER --to ISSUER [--dry-run] [--json]',
    summary: 'Let everyone of a provider keep their account after its issuer changed',
    details: [
      'Takes effect for each person with a verified sign-in at the new issuer that shows the same subject and address.',
      'Passwords stay, sessions end, and a disabled account stays disabled.',
    ],
    options: {
      from: { ...text, value: 'ISSUER', help: 'the issuer that the accounts have' },
      to: { ...text, value: 'ISSUER', help: 'the issuer that people sign in with now' },
      'dry-run': dryRun,
    },
    json: { fields: { accounts: 'how many accounts can follow their people', from: 'old issuer', to: 'new issuer' } },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ moves }) => {
        const [from, to] = [values['from'], values['to']];
        if (typeof from !== 'string' || typeof to !== 'string') throw new UsageError('--from and --to are required.');
        const isDry = values['dry-run'] === true;
        const accounts = isDry
          ? (await moves.previewMove(from, to)).accounts
          : await moves.move(from, to, byCommandLine);
        const sentence = `${countOf(accounts, 'account')} of ${from} ${isDry ? 'could' : 'can now'} follow their people to ${to}.`;
        reply(terminal, values, { accounts, from, to }, [sentence]);
      }),
  },
  {
    name: 'person relink',
    usage: 'EMAIL --provider NAME [--dry-run] [--json]',
    summary: 'Give the account to the next verified sign-in with this address through the provider',
    details: [
      'Works once, within 24 hours, for someone who has no account yet. Passwords stay, sessions end, and a disabled account stays disabled.',
    ],
    options: {
      provider: { ...text, value: 'NAME', help: 'google, or one of OIDC_PROVIDERS' },
      'dry-run': dryRun,
    },
    json: {
      fields: {
        login: 'whose account it is',
        state: 'of the account',
        subject: 'at the old issuer',
        issuer: 'the old issuer',
        provider: 'whose next sign-in gets the account',
        canFollow: 'false: this provider does not vouch for the address',
      },
    },
    operands: [1, 1],
    run: ([email = ''], values, terminal) =>
      withAdministration(terminal, async ({ moves }, core) => {
        const { provider } = values;
        const { id } = await accountOf(core, email);
        const { account, providers } = await moves.preview(id);
        if (typeof provider !== 'string') {
          throw new UsageError(`--provider is required: ${providers.join(' or ') || 'none vouches for the address'}.`);
        }
        const isDry = values['dry-run'] === true;
        if (!isDry) await moves.relink(id, provider, byCommandLine);
        const { login, issuer, subject, state } = account;
        const who = `${login} (${state}, ${subject} at ${issuer})`;
        const canFollow = providers.includes(provider);
        const can = !canFollow ? 'could not follow' : isDry ? 'could follow' : 'follows';
        reply(terminal, values, { login, state, subject, issuer, provider, canFollow }, [
          `${who} ${can} the next verified sign-in through ${provider}.`,
        ]);
      }),
  },
  {
    name: 'person moves',
    usage: '[--end ID] [--json]',
    summary: 'List which accounts can follow their people, or end that for one of the list',
    options: { end: { ...text, value: 'ID', help: 'end this one' } },
    json: {
      list: true,
      fields: {
        id: 'of what was allowed',
        kind: 'move or relink',
        at: 'time, epoch milliseconds',
        by: 'who allowed it',
        from: 'of a move: the old issuer',
        to: 'of a move: the new issuer',
        login: 'of a relink: whose account it is',
        provider: 'of a relink: whose sign-in gets the account',
        until: 'of a relink: time',
      },
    },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ moves }) => {
        const end = textOf(values, 'end');
        if (end === null)
          return replyList(terminal, values, await moves.list(), columns, 'No account can follow anyone.');
        await moves.end(end, byCommandLine);
        confirm(terminal, values, { id: end }, `Ended ${end}: no more accounts can move with it.`);
      }),
  },
];

const columns: readonly Column<AllowedMove>[] = [
  ['ID', ({ id }) => id],
  ['ALLOWED', ({ at }) => minuteOf(at)],
  ['BY', ({ by }) => by],
  ['WHAT', whatOf],
];

function whatOf(move: AllowedMove): string {
  return move.kind === 'move'
    ? `everyone of ${move.from} to ${move.to}`
    : `${move.login} to ${move.provider} until ${minuteOf(move.until)}`;
}
