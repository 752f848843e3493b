/** The faults: a registry that floods, and connections that send slowly, nothing, or half of a request. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as send } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { askToken, type Fault, openScene } from './scene.ts';

export const flood: Fault = {
  name: 'flood',
  what: 'a registry sends its clients all at once, without pause',
  async run(scale, stack) {
    const [connections, requests] = scale === 'full' ? [500, 20_000] : [100, 1_000];
    const scene = await openScene(stack);
    await scene.serve();
    const { visitor, secret } = await scene.signInForPassword();
    const statuses = new Map<number, number>();
    let left = requests;
    const pull = async () => {
      while (left-- > 0) {
        const status = await askToken(scene.url, secret, undefined, `team/app${left % 50}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const flooding = Promise.all(Array.from({ length: connections }, pull));
    const waits: number[] = [];
    while (left > 0) {
      const begun = performance.now();
      assert.equal((await visitor.open(`${scene.url}/`)).status, 200, 'the pages answer meanwhile');
      waits.push(performance.now() - begun);
    }
    await flooding;
    assert.deepEqual([...statuses.keys()], [200]);
    const worst = Math.max(...waits);
    return `${requests} token requests on ${connections} connections: all answered; meanwhile ${waits.length} pages, the slowest in ${(worst / 1000).toFixed(1)} s`;
  },
};

/** What a connection does that means no good; the pieces come one by one. */
const slow: Readonly<Record<string, { readonly pieces: readonly string[]; readonly pause: number }>> = {
  nothing: { pieces: [], pause: 0 },
  'half a request line': { pieces: ['GET /au'], pause: 0 },
  'headers without end': {
    pieces: ['GET /auth HTTP/1.1\r\nHost: a\r\n', ...Array.from({ length: 600 }, (_, n) => `X-${n}: a\r\n`)],
    pause: 100,
  },
  'a body that does not come': {
    pieces: ['POST /auth HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n', 'a'],
    pause: 100,
  },
};

export const slowLoris: Fault = {
  name: 'slow',
  what: 'slow-loris and half-open connections',
  async run(scale, stack) {
    const each = scale === 'full' ? 500 : 20;
    const scene = await openScene(stack);
    await scene.serve();
    const { secret } = await scene.signInForPassword();
    const port = Number(new URL(scene.url).port);
    const sockets: Socket[] = [];
    stack.defer(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (const { pieces, pause } of Object.values(slow)) {
      for (let count = 0; count < each; count++) sockets.push(await openSlow(port, pieces, pause));
    }
    const begun = performance.now();
    const closed = Promise.all(sockets.map(closing));
    let worst = 0;
    for (let count = 0; count < 50; count++) {
      const asked = performance.now();
      assert.equal(await askToken(scene.url, secret), 200);
      worst = Math.max(worst, performance.now() - asked);
    }
    const seen = `${sockets.length} of them: tokens are given meanwhile, the slowest in ${worst.toFixed(0)} ms`;
    if (scale === 'quick') return seen;
    await Promise.race([closed, sleep(90_000).then(() => assert.fail('some are still open after 90 seconds'))]);
    return `${seen}; the last one was closed after ${((performance.now() - begun) / 1000).toFixed(0)} s`;
  },
};

/** A reset is a way to be closed too. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}

async function openSlow(port: number, pieces: readonly string[], pause: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume(); // an end that is not read is not seen
  await once(socket, 'connect');
  void (async () => {
    for (const piece of pieces) {
      if (socket.destroyed) return;
      socket.write(piece);
      await sleep(pause, undefined, { ref: false });
    }
  })();
  return socket;
}

export const halfAnswers: Fault = {
  name: 'leave',
  what: 'clients leave before their answer',
  async run(scale, stack) {
    const count = scale === 'full' ? 5_000 : 200;
    const scene = await openScene(stack);
    await scene.serve();
    const { secret } = await scene.signInForPassword();
    for (let sent = 0; sent < count; sent++) {
      const request = send(`${scene.url}/auth?scope=repository:a${sent}:pull`);
      request.on('error', () => {});
      request.end();
      await once(request, 'finish');
      request.destroy();
    }
    assert.equal(await askToken(scene.url, secret), 200);
    return `${count} requests whose sender was gone: none did harm`;
  },
};
