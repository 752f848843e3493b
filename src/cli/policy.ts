/** Owns `dockpass policy ...`. */
import { readFile } from 'node:fs/promises';
import { parsePolicy } from '../policy/acl.ts';
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
];
