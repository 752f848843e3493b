/** Owns `dockpass request ...`: what people ask for after a denial, and the answers. */
import { openAccessRequests } from '../app/access-requests.ts';
import { settled } from '../app/core.ts';
import { readPolicyFile } from '../app/policy-file.ts';
import { dateOf } from '../lib/time.ts';
import { isOpen, type ListedRequest } from '../requests/access-request.ts';
import type { AccessRequests } from '../requests/access-requests.ts';
import { type Command, type Terminal, textOf, UsageError } from './command.ts';
import { byCommandLine, configOf, withCore } from './core.ts';
import { accessRequestFields } from './json-fields.ts';
import { type Column, confirm, replyList } from './output.ts';

const text = { type: 'string' } as const;

export const requestCommands: readonly Command[] = [
  {
    name: 'request list',
    usage: '[--all] [--json]',
    summary: 'List the access requests that are open; a request is granted once the policy grants it',
    options: { all: { type: 'boolean', help: 'also the latest 50 closed ones' } },
    json: { list: true, fields: accessRequestFields },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withRequests(terminal, async (requests) => {
        const all = await requests.list();
        const rows = values['all'] === true ? all : all.filter(isOpen);
        replyList(terminal, values, rows, columns, 'There are no open requests.');
      }),
  },
  {
    name: 'request answer',
    usage: 'ID accept|refuse [--note TEXT] [--json]',
    summary: 'Answer an access request; only the policy grants access, so change that too',
    options: { note: { ...text, value: 'TEXT', help: 'shown to the person and recorded in the audit log' } },
    json: { fields: accessRequestFields },
    operands: [2, 2],
    run([id = '', answer = ''], values, terminal) {
      if (answer !== 'accept' && answer !== 'refuse') {
        throw new UsageError(`The answer must be accept or refuse, not "${answer}".`);
      }
      return withRequests(terminal, async (requests) => {
        const given = { answer, note: textOf(values, 'note') ?? '' };
        const request = await requests.answer(id, given, byCommandLine, null);
        confirm(terminal, values, request, `${request.login}, ${request.repository}: ${request.state}.`);
      });
    },
  },
];

const columns: readonly Column<ListedRequest>[] = [
  ['ID', ({ id }) => id],
  ['LOGIN', ({ login }) => login],
  ['ACTIONS', ({ actions }) => actions.join(',')],
  ['REPOSITORY', ({ repository }) => repository],
  ['SERVICE', ({ service }) => service],
  ['STATE', ({ state }) => state],
  ['ASKED', ({ createdAt }) => dateOf(createdAt)],
];

async function withRequests(terminal: Terminal, action: (requests: AccessRequests) => Promise<void>): Promise<number> {
  const config = configOf(terminal);
  const policy = await readPolicyFile(config.policyFile);
  await withCore(config, (core) => action(openAccessRequests(settled(config, core), core, () => policy)));
  return 0;
}
