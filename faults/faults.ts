/** The command that stages each fault and says what came of it; its figures are in docs/reliability.md. */
import { parseArgs } from 'node:util';
import { faults } from './all.ts';
import { type Fault, Missing } from './scene.ts';

const usage = `Usage: script/faults [--quick] [NAME ...]

Breaks things around a running Dockpass and checks that it takes them as it should. Exits 1 where it does not.

${faults.map(({ name, what }) => `  ${name.padEnd(17)}${what}`).join('\n')}
`;

async function run(): Promise<number> {
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { quick: flag, help: flag } });
  const chosen = positionals.length === 0 ? faults : faults.filter(({ name }) => positionals.includes(name));
  if (values.help || chosen.length < positionals.length) {
    console.log(usage);
    return values.help ? 0 : 2;
  }
  let failed = 0;
  for (const fault of chosen) failed += (await stage(fault, values.quick ? 'quick' : 'full')) ? 0 : 1;
  return failed === 0 ? 0 : 1;
}

async function stage(fault: Fault, scale: 'quick' | 'full'): Promise<boolean> {
  const begun = performance.now();
  try {
    await using stack = new AsyncDisposableStack();
    const seen = await fault.run(scale, stack);
    console.log(`ok       ${fault.name}: ${seen} (${Math.round((performance.now() - begun) / 1000)} s)`);
    return true;
  } catch (error) {
    if (error instanceof Missing) {
      console.log(`left out ${fault.name}: ${error.message}`);
      return true;
    }
    console.log(`FAILED   ${fault.name}: ${fault.what}`);
    console.error(error);
    return false;
  }
}

process.exitCode = await run();
