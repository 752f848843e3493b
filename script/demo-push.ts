/** Owns `demo push`: puts a small image into the demo's registry as a client does, for machines without a Docker daemon. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeImage } from '../test/support/image.ts';
import { pushLayout } from '../test/support/push.ts';

export type Push = {
  /** Dockpass, without a slash at the end. */
  readonly url: string;
  /** `localhost:5000` */
  readonly registry: string;
  readonly repository: string;
  readonly user: string;
  readonly secret: string;
};

/** @throws {Error} that says why nothing was pushed */
export async function pushHello(push: Push): Promise<string> {
  const { registry, repository } = push;
  const token = await askForToken(push);
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-push-'));
  try {
    const headers = { authorization: `Bearer ${token}` };
    const digest = await pushLayout(`http://${registry}/v2/${repository}`, headers, '1', await writeImage(folder));
    return `Pushed ${registry}/${repository}:1, ${digest}`;
  } catch (error) {
    if (!String(error).includes('POST uploads: 401')) throw error;
    throw new Error(
      `denied: ${push.user} isn't allowed to push to ${repository}. "My access" on ${push.url} says why.`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Asks for pull and push. The registry is the one that refuses: a token is given for less than was asked for, too.
 * @throws {Error} that says why there is none
 */
export async function askForToken({ url, registry, repository, user, secret }: Push): Promise<string> {
  const target = new URL(`${url}/auth`);
  target.searchParams.set('service', registry);
  target.searchParams.set('scope', `repository:${repository}:pull,push`);
  const authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
  const response = await fetch(target, { headers: { authorization } }).catch((error: unknown) => {
    throw new Error(`The demo doesn't answer on ${url}. Start it with ./script/demo`, { cause: error });
  });
  const body = (await response.json()) as { token?: string; errors?: { message: string }[] };
  if (body.token !== undefined) return body.token;
  throw new Error(body.errors?.[0]?.message ?? `Dockpass answered ${response.status}.`);
}
