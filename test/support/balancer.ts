/** Owns a load balancer in front of replicas: each request goes to the next one, whoever sends it. */
import { once } from 'node:events';
import { type ClientRequest, createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Balancer = {
  /** "http://localhost:PORT": what people open. */
  readonly url: string;
  /** The replicas, by their URLs; none at first. */
  use(targets: readonly string[]): void;
  /** Who answered what, in the order of arrival. */
  readonly served: readonly { readonly path: string; readonly target: string }[];
  close(): Promise<void>;
};

export async function startBalancer(): Promise<Balancer> {
  let targets: readonly string[] = [];
  const served: { path: string; target: string }[] = [];
  const server = createServer((request, response) => {
    const target = targets[served.length % targets.length];
    if (target === undefined) {
      response.writeHead(502).end();
      return;
    }
    const { method = 'GET', url = '/', headers } = request;
    served.push({ path: url.replace(/\?.*/s, ''), target });
    const passedOn: ClientRequest = send(target + url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    passedOn.on('error', () => response.destroy());
    request.pipe(passedOn);
  });
  server.listen(0);
  await once(server, 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    use(replicas) {
      targets = replicas;
    },
    served,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
