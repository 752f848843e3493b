/** Owns `dockpass policy ...`. */
import { readFile } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { parsePolicy } from '../policy/acl.ts';
import { createEvaluator } from '../policy/eval.ts';
import type { Command } from './command.ts';

export const policyCommands: readonly Command[] = [
  {
    words: 'policy check',
    usage: 'FILE',
    summary: 'Say whether a policy file can be used, and each mistake with its line and column',
    operands: [1, 1],
    async run([file = ''], _values, terminal) {
      const policy = parsePolicy(await readFile(file, 'utf8'), file);
      const { users, rules } = policy;
      terminal.out(`${file} can be used: ${users.size} users, ${rules.length} rules.`);
      return 0;
    },
  },
  {
    words: 'policy eval',
    usage: '[--docker-auth]',
    summary: 'Read ACLs with requests as JSON lines, write a decision for each: to compare with docker_auth',
    details: [
      'In:  {"acl":[...],"request":{"account","type","name","ip","service","labels","actions"}}',
      'Out: {"actions":[...]}, {"nomatch":true} or {"error":"..."}',
      '  --docker-auth   decide exactly as docker_auth does, without the differences that docs/policy.md lists',
    ],
    options: { 'docker-auth': { type: 'boolean' } },
    operands: [0, 0],
    async run(_operands, values, terminal) {
      const evaluate = createEvaluator({ dockerAuth: values['docker-auth'] === true });
      for await (const lines of linesOf(terminal.input)) {
        // One write for all the lines of a chunk: writing each costs more than deciding it.
        const answers = lines.filter((line) => line.trim() !== '').map(evaluate);
        if (answers.length > 0) terminal.out(answers.join('\n'));
      }
      return 0;
    },
  },
];

/** The lines of a stream, as many at a time as have come. */
async function* linesOf(input: AsyncIterable<Buffer | string>): AsyncGenerator<string[]> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk))).split('\n');
    rest = lines.pop() ?? '';
    yield lines;
  }
  yield [rest + decoder.end()];
}
