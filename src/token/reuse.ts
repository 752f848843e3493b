/** Owns the reuse of tokens: the same request within a few seconds gets the same token. */
import type { Identity } from '../identity/identity.ts';
import { createRepeatCache } from '../lib/repeat-cache.ts';
import { isRecent } from '../lib/time.ts';
import type { CatalogProof } from './catalog-proof.ts';
import type { Service, Token } from './mint.ts';

/** Milliseconds for which a token is handed out again. A pull of many layers asks for one token many times. */
const reuseTime = 5_000;
/** Seconds that a token must still live: clients take a shorter life for 60 (distribution, token.md). */
export const minimumLife = 60;
/** About 2 MB. Beyond it the oldest go. */
const maximumTokens = 1_000;

/**
 * Everything that the content of a token depends on besides the time. The request was authenticated and decided before
 * it comes here, so a revoked password or a changed policy counts immediately: what it changes is part of the key.
 */
export type TokenKey = {
  readonly service: Service;
  readonly identity: Identity;
  /** The whole `access` of the token, in the registry's words. */
  readonly granted: readonly string[];
  /** Its claim for the list of repositories. */
  readonly catalog: CatalogProof | null;
};

export type TokenReuse = (key: TokenKey, now: number, make: () => Promise<Token>) => Promise<Token>;

type Entry<Content> = { readonly token: Content; readonly madeAt: number };

/**
 * Keeps a token from the second time on that it's asked for: most never are again. Requests that come
 * while a signature is under way share it. Times are epoch milliseconds.
 */
export function createTokenReuse(): TokenReuse {
  const kept = createRepeatCache<Entry<Token>>(maximumTokens);
  const underWay = new Map<string, Entry<Promise<Token>>>();

  return async (key, now, make) => {
    const text = describe(key);
    const known = kept.get(text);
    if (known !== undefined && isRecent(known.madeAt, now, reuseTime)) {
      const { jwt, expiresIn: life } = known.token;
      const expiresIn = life - Math.ceil((now - known.madeAt) / 1000);
      if (expiresIn >= minimumLife) return { jwt, expiresIn };
    }
    const before = underWay.get(text);
    if (before !== undefined && isRecent(before.madeAt, now, reuseTime)) return before.token;
    const made = { token: make(), madeAt: now };
    underWay.set(text, made);
    try {
      const token = await made.token;
      kept.set(text, { token, madeAt: now }, now);
      return token;
    } finally {
      // A later one can have taken its place.
      if (underWay.get(text) === made) underWay.delete(text);
    }
  };
}

/**
 * Passwords do not share a token, so that its id in the log shows who received it. Nothing but the account, which comes
 * last, can have a zero byte in it, so no two keys are the same text.
 */
function describe({ service, identity, granted, catalog }: TokenKey): string {
  const { kind, credential, workload, account } = identity;
  // A run must never get the token of another run: it can end sooner.
  const proof = workload === null ? credential?.id : `${workload.id} ${workload.endsAt} ${workload.lifetime}`;
  const lists = catalog === null ? '' : JSON.stringify(catalog);
  return `${service.name}\0${kind}\0${proof}\0${lists}\0${granted.join(' ')}\0${account}`;
}
