/** Owns a network to PostgreSQL that holds what is sent, from a statement on, and delivers it later. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type HeldNetwork = {
  /** Of the same database, through this network. */
  readonly url: string;
  /** Holds everything from the next statement on that contains this text, which isn't delivered either. */
  holdFrom(text: string): void;
  /** Delivers what was held, in its order, and holds nothing more. */
  deliver(): void;
  stop(): Promise<void>;
};

/** @param url names the folder of a Unix socket, as those of test/support/postgres.ts do */
export async function startHeldNetwork(url: string): Promise<HeldNetwork> {
  const place = new URL(url);
  const target = join(place.searchParams.get('host') ?? '', '.s.PGSQL.5432');
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-network-'));
  place.searchParams.set('host', folder);
  const held: (() => void)[] = [];
  const sockets = new Set<Socket>();
  let first: string | null = null;
  let isHolding = false;
  const pass = (deliver: () => void) => (isHolding ? held.push(deliver) : deliver());
  const connectTo = (from: Socket, to: Socket, onData: (data: Buffer) => void) => {
    sockets.add(from);
    from.on('data', (data) => {
      onData(data);
      pass(() => to.write(data));
    });
    from.on('close', () => pass(() => to.end()));
    from.on('error', () => {});
  };
  const server = createServer((client) => {
    const upstream = connect(target);
    connectTo(client, upstream, (data) => {
      if (first === null || !data.includes(first)) return;
      isHolding = true;
      first = null;
    });
    connectTo(upstream, client, () => {});
  });
  await once(server.listen(join(folder, '.s.PGSQL.5432')), 'listening');
  return {
    url: place.href,
    holdFrom(text) {
      first = text;
    },
    deliver() {
      isHolding = false;
      for (const one of held.splice(0)) one();
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
