/** Owns what shells and manuals get of the command line: `dockpass completion`, `dockpass man`, `dockpass version`. */
import { versionOfDockpass } from '../lib/version.ts';
import { type Command, UsageError } from './command.ts';
import { completionScript, shells } from './completion-scripts.ts';
import type { CommandGroup } from './help.ts';
import { manualPage } from './manual-page.ts';
import { reply } from './output.ts';

/** @param groups all commands, these too */
export function shellCommands(groups: () => readonly CommandGroup[]): readonly Command[] {
  return [
    {
      name: 'completion',
      usage: shells.join('|'),
      summary: 'Write the script that completes commands and options in a shell',
      details: [
        'bash:  dockpass completion bash > ~/.local/share/bash-completion/completions/dockpass',
        'zsh:   dockpass completion zsh > "${fpath[1]}/_dockpass"',
        'fish:  dockpass completion fish > ~/.config/fish/completions/dockpass.fish',
      ],
      operands: [1, 1],
      async run([given = ''], _values, terminal) {
        const shell = shells.find((known) => known === given);
        if (shell === undefined) throw new UsageError(`There is no completion for "${given}": name bash, zsh or fish.`);
        terminal.out(
          completionScript(
            shell,
            groups().flatMap(({ commands }) => commands),
          ),
        );
        return 0;
      },
    },
    {
      name: 'man',
      usage: '',
      summary: 'Write the manual page; to read it: dockpass man | man -l -',
      operands: [0, 0],
      async run(_operands, _values, terminal) {
        terminal.out(manualPage(groups(), versionOfDockpass()));
        return 0;
      },
    },
    {
      name: 'version',
      usage: '[--json]',
      summary: 'Print the version of Dockpass',
      json: { fields: { version: 'of Dockpass', node: 'version of Node.js' } },
      operands: [0, 0],
      async run(_operands, values, terminal) {
        const version = versionOfDockpass();
        reply(terminal, values, { version, node: process.versions.node }, [version]);
        return 0;
      },
    },
  ];
}
