/** Owns asking Dockpass for a password in exchange for a service account token (RFC 8693). */
import { readFile } from 'node:fs/promises';
import type { Send } from './api.ts';
import type { Password } from './refresh-secrets.ts';

/**
 * @param request.url of Dockpass, without a slash at its end
 * @param request.tokenFile of a projected volume, read each time: the kubelet renews it
 * @throws {Error} with what Dockpass says
 */
export async function exchangeToken(
  send: Send,
  request: { readonly url: string; readonly tokenFile: string; readonly registry: string; readonly username: string },
): Promise<Password> {
  const token = (await readFile(request.tokenFile, 'utf8')).trim();
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    subject_token: token,
    audience: request.registry,
    ...(request.username !== 'oidc' && { username: request.username }),
  });
  const { status, body } = await send({
    method: 'POST',
    url: new URL(`${request.url}/oauth/token`),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
  const { access_token: password, username, expires_in: expiresIn, error_description: problem } = body;
  if (status === 200 && typeof password === 'string' && typeof username === 'string' && typeof expiresIn === 'number') {
    return { username, password, expiresIn };
  }
  throw new Error(`Dockpass gives no password: ${typeof problem === 'string' ? problem : `it answers ${status}`}`);
}
