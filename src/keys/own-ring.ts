/**
 * Owns the key and certificate that an operator brings, and when a renewed one signs: immediately where running registries
 * trust it already, else after the next start of Dockpass. Until then both are published.
 */
import type { X509Certificate } from 'node:crypto';
import { Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { dateOf, day } from '../lib/time.ts';
import { type KeyDescription, type KeyRing, toJwks } from './key-ring.ts';
import { anchorOf } from './own-chain.ts';
import { expiryOf, type OwnFiles, type OwnKey, readOwnKey, readOwnText } from './own-key.ts';
import { type Before, beforeOf, type PublicFiles, readPublished } from './published.ts';
import { slack } from './rotation.ts';
import type { TokenHeader } from './signature.ts';

export type OwnRingParts = OwnFiles &
  PublicFiles & {
    readonly name: string;
    /** Those that the tokens of its services have. */
    readonly headers: readonly TokenHeader[];
    /** Milliseconds that the longest token lives. */
    readonly tokenLife: number;
    /** False for a command: the service that runs decides what signs. */
    readonly serves: boolean;
    /** What was published before this start; `null`: the files say it. */
    readonly before: Before | null;
    readonly log: Log;
  };

type Turns = {
  /** What the files hold. */
  readonly newest: OwnKey;
  /** What signs, by the header of the tokens. */
  readonly signing: Readonly<Record<TokenHeader, OwnKey>>;
  /** What signed, each until its last token has expired. */
  readonly former: readonly { readonly key: OwnKey; readonly until: number }[];
};

const expiryWarning = 30 * day;
/** How long a start says that it signs with another key than the one before: no one can say when all registries know. */
const changeWarning = day;

/** @throws {Refusal} `misconfigured`, which names the file and what is wrong with it */
export async function openOwnRing(parts: OwnRingParts): Promise<KeyRing> {
  const { name, log, now, serves } = parts;
  const first = readOwnKey(await readOwnText(parts), parts);
  const before = parts.before ?? beforeOf(await readPublished(parts), now());
  const changed = changedSince(before, first, parts);
  const changes = changed.map((header) => (serves ? describeChange(header, parts) : waits(header, parts, null)));
  const changesEnd = before.at + changeWarning;
  let turns: Turns = { newest: first, signing: { x5c: first, kid: first }, former: [] };

  const refuse = (): never => {
    throw new Refusal(
      'bad_request',
      `This key is yours: put a new certificate and key into ${parts.certificateFile} and ${parts.keyFile}.`,
    );
  };
  return {
    name,
    signer: (header) => ({ sign: (claims) => turns.signing[header].signers[header].sign(claims) }),
    jwks: () => ({ keys: publishedKeys(turns, parts).flatMap((key) => toJwks(key.chain[0], key.algorithm)) }),
    bundle: () => anchorsOf(turns).map(String).join(''),
    certificates: () => inUse(turns).flatMap(({ chain }) => chain),
    list: () => describe(turns, serves ? parts.headers : parts.headers.filter((header) => !changed.includes(header))),
    waiting: (header) => (serves || !changed.includes(header) ? null : waits(header, parts, null)),
    warnings: () => [
      ...(now() < changesEnd ? changes : []),
      ...waitingOf(turns, parts),
      ...expiryOfNewest(turns, parts, now()),
    ],
    async refresh() {
      const text = await readOwnText(parts);
      const { certificates, key } = turns.newest.text;
      if (text.certificates === certificates && text.key === key) return;
      turns = takeOver(turns, readOwnKey(text, parts), parts);
      const { newest } = turns;
      const waiting = waitingOf(turns, parts);
      for (const message of waiting) log.warn({ ring: name, kid: newest.id }, message);
      if (waiting.length > 0) return;
      log.info({ ring: name, kid: newest.id, expires: dateOf(expiryOf(newest)) }, 'signing with the renewed key');
    },
    rotate: async () => refuse(),
    addAuthority: async () => refuse(),
  };
}

/**
 * Registries read both files when they start. Until then one with a bundle trusts only what the same authority certified,
 * and one with a `jwks` only the keys that were in it.
 */
function takeOver(turns: Turns, newest: OwnKey, { headers, tokenLife, now }: OwnRingParts): Turns {
  const { signing } = turns;
  const x5c = hasAnchorOf(newest, signing.x5c) ? newest : signing.x5c;
  const knownById = newest.id === signing.kid.id ? newest : signing.kid;
  const kid = headers.includes('kid') ? knownById : x5c;
  const until = now() + tokenLife + slack;
  const former = Object.values(signing).map((key) => ({ key, until }));
  return { newest, signing: { x5c, kid }, former: [...turns.former.filter((one) => one.until > now()), ...former] };
}

function hasAnchorOf(one: OwnKey, other: OwnKey): boolean {
  return anchorOf(one.chain).fingerprint256 === anchorOf(other.chain).fingerprint256;
}

/** The one that signs for those who go by the file is the first: the next start knows by it whether that changed. */
function inUse({ signing, newest }: Turns): OwnKey[] {
  return [...new Set([signing.kid, signing.x5c, newest])];
}

function publishedKeys(turns: Turns, { now }: OwnRingParts): OwnKey[] {
  const former = turns.former.filter(({ until }) => until > now()).map(({ key }) => key);
  return [...new Map([...inUse(turns), ...former].map((key) => [key.id, key])).values()];
}

/** The one under which tokens are signed is the first, as in `inUse`. */
function anchorsOf({ signing, newest }: Turns): X509Certificate[] {
  const [first, second] = [signing.x5c, newest];
  return hasAnchorOf(first, second) ? [anchorOf(second.chain)] : [anchorOf(first.chain), anchorOf(second.chain)];
}

/** @param headers of the tokens that are signed with what this process knows */
function describe({ signing, newest }: Turns, headers: readonly TokenHeader[]): KeyDescription[] {
  const signs = new Set(headers.map((header) => signing[header]));
  return [...new Set([...signs, newest])].map((key, index) => ({
    number: index + 1,
    state: signs.has(key) ? 'signing' : 'waiting',
    algorithm: key.algorithm,
    id: key.id,
    createdAt: null,
    signsFrom: null,
    expiresAt: expiryOf(key),
  }));
}

/** What the files hold and doesn't sign yet. */
function waitingOf({ signing, newest }: Turns, parts: OwnRingParts): string[] {
  return parts.headers.flatMap((header) =>
    signing[header] === newest ? [] : [waits(header, parts, expiryOf(signing[header]))],
  );
}

function waits(
  header: TokenHeader,
  { certificateFile, jwksFile, bundleFile }: OwnRingParts,
  end: number | null,
): string {
  const then = 'restart them, then restart Dockpass, which signs with it from then on.';
  if (header === 'kid') {
    return `${certificateFile} holds a new key, which registries with ${jwksFile} don't know yet: still signing with the old key for them. Copy ${jwksFile} to them, ${then}`;
  }
  const until = end === null ? '' : `, whose certificate expires on ${dateOf(end)}`;
  return `${certificateFile} now ends in another certificate, which running registries don't trust yet: still signing with the old key${until}. Give the registries the new ${bundleFile}, ${then}`;
}

/** Of which tokens registries must learn, because what was published before is signed otherwise. */
function changedSince({ kid, anchor }: Before, key: OwnKey, { headers }: OwnRingParts): TokenHeader[] {
  const changed = {
    kid: kid !== undefined && kid !== key.id,
    x5c: anchor !== undefined && anchor !== anchorOf(key.chain).fingerprint256,
  };
  return headers.filter((header) => changed[header]);
}

function describeChange(header: TokenHeader, { jwksFile, bundleFile, certificateFile }: OwnRingParts): string {
  const [what, file] = header === 'kid' ? ['holds another key', jwksFile] : ['ends in another certificate', bundleFile];
  return `${certificateFile} ${what} than before this start: registries that haven't read the new ${file} refuse every token. Copy it to them and restart them.`;
}

function expiryOfNewest({ newest }: Turns, { certificateFile }: OwnRingParts, now: number): string[] {
  const end = expiryOf(newest);
  if (end - now > expiryWarning) return [];
  return [
    `${certificateFile} ${end <= now ? 'expired' : 'expires'} on ${dateOf(end)}: registries then refuse every token. Renew it.`,
  ];
}
