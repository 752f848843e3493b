/** The fault: workers are killed one after another, and all at the same time. */
import assert from 'node:assert/strict';
import { askToken, type Fault, openScene } from './scene.ts';

type Line = { readonly msg?: string; readonly pid?: number };

export const workers: Fault = {
  name: 'workers',
  what: 'workers are killed, one after another and all at the same time',
  async run(scale, stack) {
    const rounds = scale === 'full' ? 6 : 2;
    const scene = await openScene(stack);
    const server = await scene.serve({ WORKERS: '2' });
    await server.says(/"listening"[\s\S]*"listening"/);
    const { secret } = await scene.signInForPassword();
    const listening = (): Line[] =>
      server
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Line)
        .filter(({ msg }) => msg === 'listening');
    let ended = false;
    void server.ended.then(() => {
      ended = true;
    });
    const killed = new Set<number>();
    for (let round = 0; round < rounds; round++) {
      const alive = listening().flatMap(({ pid = 0 }) => (killed.has(pid) ? [] : [pid]));
      for (const pid of round % 2 === 0 ? alive : alive.slice(1)) {
        process.kill(pid, 'SIGKILL');
        killed.add(pid);
      }
      await server.says(new RegExp(`(?:"listening"[\\s\\S]*){${2 + killed.size}}`));
      assert.ok(!ended, `the supervisor ended:\n${server.output()}`);
      assert.equal(await askToken(scene.url, secret), 200);
    }
    return `${killed.size} workers killed in ${rounds} rounds: each was replaced, and the service went on`;
  },
};
