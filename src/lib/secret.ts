/** Owns the form of the secrets that Dockpass gives out: a prefix that says the kind, random characters, a checksum. */
import { createHash, createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * `dkp`: a person's app password; `dkr`: a robot's; `dki`: docker's identity token; `dka`: an administrator's API token;
 * `dkc`: a password that was exchanged for an ID token; `dkj`: docker's identity token for one job; `dkm`: a machine's
 * refresh secret; `dkt`: a password that a machine made of it.
 */
export const secretKinds = ['dkp', 'dkr', 'dki', 'dka', 'dkc', 'dkj', 'dkm', 'dkt'] as const;
export type SecretKind = (typeof secretKinds)[number];

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 30 base62 characters: 178 bits, so that one fast keyed hash is enough (OWASP ASVS 5.0, 6.5.2). */
const bodyLength = 30;
const checksumLength = 6;
const form = new RegExp(`^(?:${secretKinds.join('|')})_[0-9A-Za-z]{${bodyLength + checksumLength}}$`);
/** Bytes from here on would make some characters likelier than others. */
const unbiased = 256 - (256 % alphabet.length);

/**
 * A new secret: `dkp_`, 30 random base62 characters and 6 of CRC32, the layout of GitHub's tokens, so that leak
 * scanners can tell a real one from something similar.
 * @param random gives that many random bytes
 */
export function createSecret(kind: SecretKind, random: (size: number) => Uint8Array = randomBytes): string {
  let body = '';
  while (body.length < bodyLength) {
    for (const byte of random(bodyLength)) {
      if (byte < unbiased && body.length < bodyLength) body += alphabet[byte % alphabet.length];
    }
  }
  return `${kind}_${body}${checksum(`${kind}_${body}`)}`;
}

/**
 * A secret that follows from others: the same each time, and no one can compute it without the pepper.
 * @param seedOf text for the bytes of each round; it must differ by round, and contain what the secret follows from
 */
export function deriveSecret(kind: SecretKind, pepper: Pepper, seedOf: (round: number) => string): string {
  let round = 0;
  return createSecret(kind, (size) => Buffer.from(pepper.hash(seedOf(++round)), 'base64url').subarray(0, size));
}

/** Whether this has the shape of one of our secrets, right or wrong: no other kind of password is tried for it. */
export function looksLikeSecret(text: string): boolean {
  return form.test(text);
}

/** Each character of a URL can be escaped, as `%64` or, in a URL inside another one, as `%2564`. */
const escapeSign = '%(?:25)*';
const inUrl = (character: string): string => `(?:${character}|${escapeSign}${hexOf(character)})`;
const kindsInUrl = secretKinds.map((kind) => [...kind].map(inUrl).join('')).join('|');
const characterInUrl = `(?:[0-9A-Za-z]|${escapeSign}(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]))`;
/** The beginning is enough. What stands before it can be a letter: `%20dkp_...` in a path, `\ndkp_...` in JSON. */
const inText = new RegExp(`(?:${kindsInUrl})${inUrl('_')}${characterInUrl}{8,}`, 'g');
/** How what `inText` finds begins, escaped or not: most texts have neither. */
const begin = /dk|%/;

/** Its byte in hexadecimal digits of either case, as an expression. */
function hexOf(character: string): string {
  const digits = character.charCodeAt(0).toString(16);
  return digits.replace(/[a-f]/, (digit) => `[${digit}${digit.toUpperCase()}]`);
}

/** Whether `hideSecrets` could change it; far faster. */
export function canHoldSecret(text: string): boolean {
  return begin.test(text);
}

/** The text with anything that looks like one of our secrets, or like the first half of one, made unreadable. */
export function hideSecrets(text: string): string {
  return text.replaceAll(inText, 'dk?_…');
}

/** White space, line breaks, a BOM and invisible characters: what a pipe, an editor or a chat puts around a text. */
const blank = String.raw`\s\p{Cc}\p{Cf}`;
/** From the first character that isn't blank, where a match can't fail: its time grows with the length of the text only. */
const content = new RegExp(`[^${blank}](?:.*[^${blank}])?`, 'su');

/** The text without what is blank around it. */
export function trimBlanks(text: string): string {
  return content.exec(text)?.[0] ?? '';
}

/**
 * One of our secrets without what is blank around it, and without the quotes that it has in an `.env` file; any other text
 * as it is, because someone may have chosen its white space. A secret has a fixed form, so this makes nothing easier to guess.
 */
export function trimSecret(text: string): string {
  if (looksLikeSecret(text)) return text;
  const trimmed = trimBlanks(text);
  const [, , inside = trimmed] = /^(["'])(.*)\1$/.exec(trimmed) ?? [];
  return looksLikeSecret(inside) ? inside : text;
}

/** The passwords that docker_auth made: 16 of these characters, 95 bits. Never one of ours, whose form has an underscore. */
export function looksLikeDockerAuthPassword(text: string): boolean {
  return /^[0-9A-Za-z]{16}$/.test(text);
}

/** `null` for what doesn't have the shape of one. */
export function secretKindOf(text: string): SecretKind | null {
  return secretKinds.find((kind) => isSecretOf(kind, text)) ?? null;
}

export function isSecretOf(kind: SecretKind, text: string): boolean {
  return text.startsWith(kind) && looksLikeSecret(text);
}

/** False for a typo or garbage, which then never reaches the database. The checksum isn't a security measure. */
export function hasValidChecksum(secret: string): boolean {
  return secret.slice(-checksumLength) === checksum(secret.slice(0, -checksumLength));
}

/** The part of a secret that people can see, to tell it from others: "dkp_…x7Qz". */
export function hintOf(secret: string): string {
  return `${secret.slice(0, 4)}…${secret.slice(-4)}`;
}

/** The key that makes stored hashes useless without it; `id` says which pepper a stored hash was made with. */
export type Pepper = { readonly id: string; hash(secret: string): string };

/** @param key at least 32 characters or bytes of randomness */
export function createPepper(key: string): Pepper {
  const id = createHash('sha256').update(`dockpass pepper id\0${key}`).digest('hex').slice(0, 8);
  // A text would be converted for each hash.
  const secretKey = createSecretKey(key, 'utf8');
  return { id, hash: (secret) => createHmac('sha256', secretKey).update(secret).digest('base64url') };
}

/** Compares two hashes in constant time. */
export function equalHashes(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** CRC32 as six base62 digits, zero-padded. */
function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let index = 0; index < checksumLength; index++) {
    digits = alphabet[rest % alphabet.length] + digits;
    rest = Math.floor(rest / alphabet.length);
  }
  return digits;
}
