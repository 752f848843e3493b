/** Owns the choice of TCP ports on the loopback address, for programs that must be told theirs before they start. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

/** Ports that nothing listens on; all different, as they are held together and then let go. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  return ports;
}

/** Whether a program could listen on the port of 127.0.0.1 now. */
export async function isFree(port: number): Promise<boolean> {
  try {
    await using _server = await listen(port);
    return true;
  } catch {
    return false;
  }
}

async function listen(port: number): Promise<ReturnType<typeof createServer>> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
