/** Owns the scripts that a terminal runs: rendered from PUBLIC_URL, never from what a request says about the host. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RequestHandler } from 'express';
import { Refusal } from '../lib/errors.ts';

const folder = fileURLToPath(new URL('../../views/cli/', import.meta.url));
export const cliScripts = ['login.sh', 'login.ps1', 'docker-credential-dockpass'] as const;

export type CliScriptParts = {
  readonly publicUrl: URL;
  /** What people write before an image's name, of each service. */
  readonly registryHosts: readonly string[];
  readonly version: string;
};

/** GET /cli/:script */
export function createCliScripts(parts: CliScriptParts): RequestHandler<{ script: string }> {
  const texts = new Map<string, string>(cliScripts.map((name) => [name, renderCliScript(name, parts)]));
  return (request, response) => {
    const text = texts.get(request.params.script);
    if (text === undefined) throw new Refusal('not_found', `The scripts are ${cliScripts.join(', ')}.`);
    response.set('Cache-Control', 'no-cache').type('text/x-shellscript').send(text);
  };
}

/** What goes in is checked at the start of the service: a URL and host names have no character that a shell reads. */
export function renderCliScript(
  name: (typeof cliScripts)[number],
  { publicUrl, registryHosts, version }: CliScriptParts,
) {
  const [only = ''] = registryHosts.length === 1 ? registryHosts : [];
  const values: Readonly<Record<string, string>> = {
    PUBLIC_URL: publicUrl.href.replace(/\/$/, ''),
    REGISTRY: /^[\w.:-]*$/.test(only) ? only : '',
    VERSION: version,
    // A redirect or a typing error must not send the password over plain http.
    PROTOCOLS: publicUrl.protocol === 'https:' ? '=https' : '=http,https',
  };
  return readFileSync(folder + name, 'utf8').replaceAll(
    /@([A-Z_]+)@/g,
    (written, key: string) => values[key] ?? written,
  );
}
