/** Owns `dockpass person move`, `relink` and `moves`: accounts that follow their people to another issuer or provider. */
import type { AllowedMove } from '../accounts/moves.ts';
import { minuteOf } from '../lib/time.ts';
import { type Command, UsageError } from './command.ts';
import { accountOf, byCommandLine, withAdministration } from './core.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

export const moveCommands: readonly Command[] = [
  {
    name: 'person move',
    usage: '--from ISSUER --to ISSUER [--dry-run]',
    summary: 'Let everyone of a provider keep their account after its issuer changed',
    details: [
      'Takes effect for each person with a verified sign-in at the new issuer that shows the same subject and address.',
      'Passwords stay, sessions end, and a disabled account stays disabled.',
      '  --dry-run   only say how many accounts that can be',
    ],
    options: { from: text, to: text, 'dry-run': flag },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ moves }) => {
        const [from, to] = [values['from'], values['to']];
        if (typeof from !== 'string' || typeof to !== 'string') throw new UsageError('--from and --to are required.');
        const isDry = values['dry-run'] === true;
        const count = isDry ? (await moves.previewMove(from, to)).accounts : await moves.move(from, to, byCommandLine);
        terminal.out(`${count} accounts of ${from} ${isDry ? 'could' : 'can now'} follow their people to ${to}.`);
      }),
  },
  {
    name: 'person relink',
    usage: 'EMAIL --provider NAME [--dry-run]',
    summary: 'Let the next verified sign-in with this address through the provider take the account over',
    details: [
      'Works once, within 24 hours, for someone who has no account yet. Passwords stay, sessions end, and a disabled',
      'account stays disabled.',
      '  --dry-run   only say which account that is',
    ],
    options: { provider: text, 'dry-run': flag },
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
        const can = !providers.includes(provider) ? 'could not follow' : isDry ? 'could follow' : 'follows';
        terminal.out(`${who} ${can} the next verified sign-in through ${provider}.`);
      }),
  },
  {
    name: 'person moves',
    usage: '[--end ID]',
    summary: 'List which accounts can follow their people, or end that for one of the list',
    options: { end: text },
    operands: [0, 0],
    run: (_operands, { end }, terminal) =>
      withAdministration(terminal, async ({ moves }) => {
        if (typeof end === 'string') return moves.end(end, byCommandLine);
        for (const move of await moves.list()) terminal.out(lineOf(move));
      }),
  },
];

function lineOf(move: AllowedMove): string {
  const what =
    move.kind === 'move'
      ? `everyone of ${move.from} to ${move.to}`
      : `${move.login} to ${move.provider} until ${minuteOf(move.until)}`;
  return `${move.id}  ${minuteOf(move.at)}  ${move.by}  ${what}`;
}
