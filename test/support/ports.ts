/** Owns the choice of TCP ports on the loopback address, for programs that must be told theirs before they start. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

/** Ports that nothing listens on; all different, as they are held together and then let go. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  return ports;
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
