/** The fault: thousands of terminals wait for an approval and ask again and again, some of them too often. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { askToken, type Fault, openScene } from './scene.ts';

type Answer = {
  readonly device_code: string;
  readonly user_code: string;
  readonly error?: string;
  readonly username?: string;
};

/** As many as one network can have. */
const ofNetwork = 5;
/** Seconds, which the answer advertises. */
const pace = 5;

export const terminals: Fault = {
  name: 'terminals',
  what: 'thousands of terminals wait for an approval and poll, some of them too often',
  async run(scale, stack) {
    const [count, rounds] = scale === 'full' ? [2_000, 6] : [100, 1];
    const scene = await openScene(stack);
    await scene.serve({ TRUSTED_PROXIES: '127.0.0.1' });
    const { visitor, secret } = await scene.signInForPassword();
    const send = async (path: string, network: number, form: Record<string, string>): Promise<Answer> => {
      const headers = { 'x-forwarded-for': `10.1.${Math.floor(network / 250)}.${network % 250}` };
      const body = new URLSearchParams({ client_id: 'dockpass-cli', ...form });
      return (await fetch(scene.url + path, { method: 'POST', headers, body })).json() as Promise<Answer>;
    };
    const grantType = 'urn:ietf:params:oauth:grant-type:device_code';
    const poll = async (answer: Answer, index: number) =>
      (
        await send('/oauth/token', Math.floor(index / ofNetwork), {
          grant_type: grantType,
          device_code: answer.device_code,
        })
      ).error;

    const waiting = await inTurn(count, (index) =>
      send('/oauth/device', Math.floor(index / ofNetwork), { machine: `m${index}` }),
    );
    assert.ok(waiting.every(({ user_code: code }) => code !== undefined));
    const more = await send('/oauth/device', 0, { machine: 'one too many' });
    assert.equal(more.error, 'temporarily_unavailable');

    const waits: number[] = [];
    let isOver = false;
    const asking = (async () => {
      while (!isOver) {
        const begun = performance.now();
        assert.equal(await askToken(scene.url, secret), 200, 'docker logs in meanwhile');
        waits.push(performance.now() - begun);
        await sleep(20);
      }
    })();
    let polls = 0;
    const terminal = async (answer: Answer, index: number): Promise<void> => {
      // Spread, as people are.
      if (scale === 'full') await sleep((index / count) * pace * 1_000);
      for (let round = 0; round < rounds; round++) {
        assert.equal(await poll(answer, index), 'authorization_pending', 'the advertised pace is never too fast');
        const early = index % 10 === 0 ? await Promise.all([poll(answer, index), poll(answer, index)]) : ['slow_down'];
        assert.ok(early.includes('slow_down'), early.join());
        polls += index % 10 === 0 ? 3 : 1;
        if (round + 1 < rounds) await sleep(pace * 1_000);
      }
    };
    await Promise.all(waiting.map(terminal));
    const chosen = count - 1;
    const { user_code: code = '' } = waiting[chosen] ?? {};
    const page = await visitor.open(`${scene.url}/terminal`);
    const decided = await visitor.submit(page, '/terminal/decide', {
      code,
      decision: 'approve',
      access: 'full',
      repositories: '',
    });
    assert.equal(decided.status, 200);
    assert.equal(await poll(waiting[chosen] ?? assert.fail(), chosen), undefined, 'who was approved is signed in');
    isOver = true;
    await asking;
    waits.sort((a, b) => a - b);
    const of = (share: number) => (waits[Math.floor((waits.length - 1) * share)] ?? 0).toFixed(0);
    return `${count} terminals of ${count / ofNetwork} networks: ${polls} polls, none in time was told to slow down; docker logins meanwhile took ${of(0.5)} ms, the slowest ${of(1)} ms; the one that was approved got its password`;
  },
};

/** Twenty at a time. */
async function inTurn<Result>(count: number, action: (index: number) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) results[index] = await action(index);
  };
  await Promise.all(Array.from({ length: 20 }, work));
  return results;
}
