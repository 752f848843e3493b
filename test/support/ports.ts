/** Owns the choice of TCP ports on the loopback address, for programs that must be told theirs before they start. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';

// Below the range from which Linux takes ports for connections and for `listen(0)`, so neither can take one in between.
const [lowest, highest] = [12_000, 32_000];

/** Ports that nothing listens on. No two calls get the same one while their processes live, in whatever suite they run. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = randomInt(lowest, highest);
    if ((await reserve(port)) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

/** @returns false if another process has it. An abstract socket is a lock that ends with its process. */
async function reserve(port: number): Promise<boolean> {
  const server = createServer().listen(`\0dockpass-test-port-${port}`).unref();
  try {
    await once(server, 'listening');
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EADDRINUSE'; // only Linux has abstract sockets
  }
}

/** The address at which other machines would find this one; `undefined` where it has none. */
export function ownAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
}

/**
 * Whether a program could listen on the port now: on each address that clients may mean by `localhost`, as Docker
 * Desktop and AirPlay take ports on one of them alone.
 */
export async function isFree(port: number): Promise<boolean> {
  for (const address of ['127.0.0.1', '::1', '0.0.0.0']) {
    try {
      await using _server = await listen(port, address);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') return false; // a machine without IPv6
    }
  }
  return true;
}

async function listen(port: number, address = '127.0.0.1'): Promise<Server> {
  const server = createServer().listen(port, address);
  await once(server, 'listening');
  return server;
}
