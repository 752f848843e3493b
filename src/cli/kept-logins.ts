/** Owns `dockpass person kept` and `release`: names of accounts that are gone. */
import type { KeptLogin } from '../accounts/retired-logins.ts';
import { minuteOf } from '../lib/time.ts';
import type { Command } from './command.ts';
import { byCommandLine, withAdministration } from './core.ts';
import { type Column, confirm, replyList } from './output.ts';

export const keptLoginCommands: readonly Command[] = [
  {
    name: 'person kept',
    usage: '[SEARCH] [--json]',
    summary: 'List the names of removed people and robots; no one else gets one until it is released',
    json: {
      list: true,
      fields: {
        login: 'the name',
        kind: 'person or robot',
        at: 'time, epoch milliseconds',
        by: 'who removed the account',
      },
    },
    operands: [0, 1],
    run: ([search = ''], values, terminal) =>
      withAdministration(terminal, async ({ retiredLogins }) =>
        replyList(terminal, values, await retiredLogins.list(search), columns, 'No name is kept.'),
      ),
  },
  {
    name: 'person release',
    usage: 'LOGIN [--json]',
    summary:
      'Free the name of a removed account: the next person who comes with it gets it, and what rules grant to it',
    details: ['After that, anyone who makes robots can use the name of a robot again.'],
    json: { fields: { login: 'the name' } },
    operands: [1, 1],
    run: ([login = ''], values, terminal) =>
      withAdministration(terminal, async ({ retiredLogins }) => {
        await retiredLogins.release(login, byCommandLine);
        confirm(terminal, values, { login }, `${login} can be given to someone else.`);
      }),
  },
];

const columns: readonly Column<KeptLogin>[] = [
  ['NAME', ({ login }) => login],
  ['KIND', ({ kind }) => kind],
  ['SINCE', ({ at }) => minuteOf(at)],
  ['BY', ({ by }) => by],
];
