/** Owns how a copy that nothing marks is recognized: the service that it was copied from answers at its public URL, on another database. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { errorMessage } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { readLimited } from '../lib/limited-body.ts';
import type { Log } from '../lib/log.ts';
import { http, https } from '../lib/node-http.ts';
import { minute } from '../lib/time.ts';
import type { Store } from '../store/store.ts';

type TwinParts = {
  readonly store: Pick<Store, 'installation' | 'leases'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Where every Dockpass says which installation it is. */
const path = '/.well-known/dockpass';
const parameter = 'database';
/** Milliseconds that a start waits for the answer. */
const patience = 1_000;
const maximumBytes = 64 * 1_024;
const leaseOf = (token: string) => `asked ${token}`;
const tokenForm = /^[0-9a-f]{32}$/;

/**
 * Asks each URL whether the installation of this database is served there, and whether from this database: a random token
 * is put into ours, and the service that answers looks for it in theirs. Replicas find it, and so does a service that was
 * restarted; a snapshot, a dump or a copy of the folder is on its own, whatever its age.
 * @param urls with the prefix: where this start will serve, and where the database was served last
 * @returns where it's served from another database; `null` where no one says so
 */
export async function findLiveTwin(
  { store, now, log }: TwinParts & { readonly log: Pick<Log, 'debug'> },
  urls: readonly string[],
): Promise<string | null> {
  const row = await store.installation.read();
  if (row === undefined) return null;
  const token = randomBytes(16).toString('hex');
  await store.leases.put(leaseOf(token), 'start', now() + minute);
  try {
    for (const url of new Set(urls)) {
      const said = await ask(`${url}${path}?${parameter}=${token}`, log);
      if (said['installation'] === nameOf(row.id) && said['sharesDatabase'] === false) return url;
    }
    return null;
  } finally {
    await store.leases.release(leaseOf(token), 'start');
  }
}

/** No one there, another program, an older version: all the same. */
async function ask(url: string, log: Pick<Log, 'debug'>): Promise<Readonly<Record<string, unknown>>> {
  try {
    return fieldsIn(JSON.parse(await read(url)));
  } catch (error) {
    log.debug(
      { asked: new URL(url).origin, reason: errorMessage(error) },
      'no other Dockpass answers at the public URL',
    );
    return {};
  }
}

/** Not with fetch, whose loading takes a tenth of a start (lib/node-http.ts). A redirect isn't followed. */
async function read(url: string): Promise<string> {
  const { get } = url.startsWith('https:') ? https : http;
  const request = get(url, { headers: { Connection: 'close' }, signal: AbortSignal.timeout(patience) });
  const [response]: IncomingMessage[] = await once(request, 'response');
  return (await readLimited(response ?? null, maximumBytes, 'the answer')).toString();
}

/**
 * The answer to another start. @param token as it came in the address
 * @returns `null` where it's none
 */
export async function answerTwin({ store, now }: TwinParts, token: unknown) {
  if (typeof token !== 'string' || !tokenForm.test(token)) return null;
  const [row, holder] = await Promise.all([store.installation.read(), store.leases.holder(leaseOf(token), now())]);
  return row === undefined ? null : { installation: nameOf(row.id), sharesDatabase: holder !== undefined };
}

/** Strangers can ask, so it isn't the id itself. */
function nameOf(id: string): string {
  return createHash('sha256').update(`installation ${id}`).digest('base64url').slice(0, 22);
}
