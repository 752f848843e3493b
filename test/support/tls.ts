/** Owns TLS for tests: self-signed server certificates, and a proxy that ends TLS in front of a plain server. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { runProgram } from './process.ts';

export type TlsFiles = { readonly certificate: string; readonly key: string };

/**
 * Writes a self-signed certificate and its key into the folder.
 * @param wish.names of the subjectAltName: `DNS:localhost,IP:127.0.0.1`
 * @param wish.days that it is valid from now on; a negative number makes one that is over
 */
export async function makeTlsFiles(folder: string, input: { names?: string; days?: number } = {}): Promise<TlsFiles> {
  const { names = 'DNS:localhost,IP:127.0.0.1', days = 1 } = input;
  const stem = join(folder, `tls-${days}-${names.replaceAll(/[^\w]/g, '-')}`);
  const [certificate, key, request] = [`${stem}.crt`, `${stem}.key`, `${stem}.csr`];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key];
  const subject = ['-subj', '/CN=Test', '-addext', `subjectAltName=${names}`];
  await openssl(['req', '-new', ...newKey, ...subject, '-out', request]);
  const validity = ['-days', String(days), '-copy_extensions', 'copy'];
  await openssl(['x509', '-req', '-in', request, '-signkey', key, ...validity, '-out', certificate]);
  return { certificate, key };
}

async function openssl(args: readonly string[]): Promise<void> {
  const { code, output } = await runProgram('openssl', args);
  if (code !== 0) throw new Error(`openssl: ${output}`);
}

export type TlsProxy = { readonly url: string; close(): Promise<void> };

/**
 * Ends TLS at a port of localhost and passes requests on, with the Host header as it came.
 * @param headers set beside it: `{ 'X-Forwarded-Proto': 'https' }`
 * @param port a free one where none is given
 */
export async function startTlsProxy(
  target: string,
  files: TlsFiles,
  headers: Readonly<Record<string, string>>,
  port = 0,
): Promise<TlsProxy> {
  const [cert, key] = await Promise.all([readFile(files.certificate), readFile(files.key)]);
  const server = https.createServer({ cert, key }, (request, response) => {
    const { method, url = '/' } = request;
    const onward = http.request(new URL(url, target), { method, headers: { ...request.headers, ...headers } });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.writeHead(502).end());
    request.pipe(onward);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
