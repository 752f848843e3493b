/** Owns what stands for a pooler in tests: it keeps a client's connection, and can lead it to another server. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Pooler = {
  /** The database behind it, by way of the pooler. */
  readonly url: string;
  /** From now on what comes goes to this server. @param url of the same database there */
  leadTo(url: string): void;
  close(): Promise<void>;
};

const socketName = '.s.PGSQL.5432';
const socketOf = (url: string): string => join(new URL(url).searchParams.get('host') ?? '', socketName);

/** Where a message of the server that says "ready for a query" ends what it sends. */
const isReady = (bytes: Buffer): boolean => bytes.subarray(-6, -5).toString() === 'Z';

/** @param url of a database of a server that lets everyone in */
export async function startPooler(url: string): Promise<Pooler> {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-pooler-'));
  const clients = new Set<Socket>();
  let server = socketOf(url);
  const listener = createServer((client) => {
    clients.add(client.on('close', () => clients.delete(client)));
    // One that is closed on the way breaks off; what that means to the client is the client's matter.
    serve(client, () => server).catch(() => client.destroy());
  });
  listener.listen(join(folder, socketName));
  await once(listener, 'listening');
  const own = new URL(url);
  own.searchParams.set('host', folder);
  return {
    url: own.href,
    leadTo: (other) => {
      server = socketOf(other);
    },
    async close() {
      for (const client of clients) client.destroy();
      listener.close();
      await once(listener, 'close');
      rmSync(folder, { recursive: true });
    },
  };
}

type Behind = { readonly server: string; readonly socket: Socket };

async function serve(client: Socket, current: () => string): Promise<void> {
  let startup: Buffer | null = null;
  let behind: Behind | null = null;
  for await (const sent of client) {
    const server = current();
    if (behind?.server !== server) {
      behind?.socket.unpipe(client).destroy();
      behind = await switchTo(server, startup);
      behind.socket.pipe(client, { end: false });
    }
    startup ??= sent;
    behind.socket.write(sent);
  }
  behind?.socket.destroy();
}

/** @param startup what the client began with, which it does once: on each other server the pooler does */
async function switchTo(server: string, startup: Buffer | null): Promise<Behind> {
  const socket = connect(server);
  if (startup === null) return { server, socket };
  socket.write(startup);
  let answer = Buffer.alloc(0);
  while (!isReady(answer)) {
    const [bytes] = await once(socket, 'data');
    answer = Buffer.concat([answer, bytes]);
  }
  return { server, socket };
}
