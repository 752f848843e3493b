/** Owns the sign-ins that a browser has begun: one signed cookie each, so that beginning one costs the store nothing. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import { minute } from '../lib/time.ts';
import type { Attempt } from '../sign-in/connector.ts';
import { type Cookie, cookieNames, readCookies } from './cookies.ts';

export type PendingSignIn = {
  readonly provider: string;
  /** Checked by `safeReturnTo`. */
  readonly returnTo: string;
  /** Epoch milliseconds. */
  readonly begunAt: number;
  readonly attempt: Attempt;
  /** The provider was asked for its consent page. */
  readonly consent: boolean;
  /** The provider was asked to authenticate the person even where it remembers one. */
  readonly login: boolean;
  /** Someone who was signed in has to prove that it's still them. */
  readonly fresh: boolean;
};

export type SignInAttempts = {
  create(): Attempt;
  /** Keeps a begun sign-in in the browser. The oldest is dropped when a browser begins more than eight. */
  remember(request: Request, response: Response, begun: PendingSignIn): void;
  /** The sign-in that an answer belongs to; `null` when this browser didn't begin it, or more than ten minutes ago. */
  find(request: Request, answer: { readonly provider: string; readonly state: string }): PendingSignIn | null;
};

export type AttemptParts = {
  /** The first signs, all verify: a new one goes in front. */
  readonly secrets: readonly string[];
  /** Whether the public URL is https. */
  readonly secure: boolean;
  /** Path prefix of all pages: '' or '/dockpass'. */
  readonly prefix: string;
  /** With the prefix. */
  readonly publicUrl: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds from the beginning of a sign-in to the provider's answer. */
export const attemptLifetime = 10 * minute;

const maximumAttempts = 8;
/** Bytes of a whole Set-Cookie line: eight cookies then leave most of a proxy's 8 KB of headers to others. */
const maximumLine = 299;

export function createSignInAttempts({ secrets, secure, prefix, publicUrl, now }: AttemptParts): SignInAttempts {
  const keys = secrets.map((secret) => createHmac('sha256', secret).update('sign-in attempts').digest());
  const [signingKey] = keys;
  if (signingKey === undefined) throw new Error('signing an attempt takes a secret');
  const { attempts: namePrefix } = cookieNames(publicUrl, secure);
  const attributes = `Path=/; HttpOnly;${secure ? ' Secure;' : ''} SameSite=Lax`;
  const lineOf = (name: string, value: string) =>
    `${name}=${value}; Max-Age=${value === '' ? 0 : attemptLifetime / 1000}; ${attributes}`;

  return {
    create() {
      const state = randomBytes(24).toString('base64url');
      return { state, nonce: nonceOf(signingKey, state) };
    },
    remember(request, response, begun) {
      const name = namePrefix + suffixOf(begun.attempt.state);
      const lines = waysBack(begun.returnTo, prefix).map((returnTo) => {
        const content = encode({ ...begun, returnTo });
        return lineOf(name, `${sign(signingKey, begun.attempt.state, content)}:${content}`);
      });
      const line = lines.find(({ length }) => length <= maximumLine);
      if (line === undefined) throw new Error('a begun sign-in does not fit into its cookie');
      response.append('Set-Cookie', line);
      const others = cookiesOf(request, namePrefix).sort((a, b) => begunAtOf(b.value) - begunAtOf(a.value));
      for (const { name: old } of others.slice(maximumAttempts - 1)) response.append('Set-Cookie', lineOf(old, ''));
    },
    find(request, { provider, state }) {
      const name = namePrefix + suffixOf(state);
      const value = cookiesOf(request, namePrefix).find((cookie) => cookie.name === name)?.value ?? '';
      const [, signature = '', content = ''] = /^([^:]+):(.+)$/.exec(value) ?? [];
      const key = keys.find((candidate) => isSame(signature, sign(candidate, state, content)));
      const begun = key === undefined ? null : decode(content, { state, nonce: nonceOf(key, state) });
      const isOpen = begun?.provider === provider && begun.begunAt + attemptLifetime > now();
      return isOpen ? begun : null;
    },
  };
}

/** Part of the cookie's name. A state contains what only the provider and this browser know, so its hash goes there. */
function suffixOf(state: string): string {
  return createHash('sha256').update(state).digest('base64url').slice(0, 10);
}

/** It's derived, so that it takes no room in the cookie. */
function nonceOf(key: Buffer, state: string): string {
  return createHmac('sha256', key).update(`nonce ${state}`).digest('base64url').slice(0, 32);
}

/** 128 bits: a guess has the ten minutes that a state is good for. */
function sign(key: Buffer, state: string, content: string): string {
  return createHmac('sha256', key)
    .update(JSON.stringify([state, content]))
    .digest('base64url')
    .slice(0, 22);
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The way back as it is, without its query, or to the first page: the first one that fits into a cookie is kept. */
function waysBack(returnTo: string, prefix: string): string[] {
  // RFC 6265, section 4.1.1. A browser writes these characters of an address the same way.
  const plain = returnTo.toWellFormed().replaceAll(/[",;\\]|[^\x21-\x7e]/gu, encodeURIComponent);
  return [plain, plain.replace(/\?.*$/, ''), `${prefix}/`];
}

function encode({ begunAt, provider, attempt, returnTo, ...asked }: PendingSignIn): string {
  const flags = `${asked.consent ? 'c' : ''}${asked.login ? 'l' : ''}${asked.fresh ? 'f' : ''}`;
  return [begunAt.toString(36), flags, provider, attempt.codeVerifier ?? '', returnTo].join(':');
}

/** @param content was signed here, so it has the form that `encode` gives it */
function decode(content: string, { state, nonce }: Attempt): PendingSignIn {
  const [time = '', flags = '', provider = '', codeVerifier = '', ...returnTo] = content.split(':');
  return {
    provider,
    returnTo: returnTo.join(':'),
    begunAt: Number.parseInt(time, 36),
    attempt: { state, nonce, codeVerifier },
    consent: flags.includes('c'),
    login: flags.includes('l'),
    fresh: flags.includes('f'),
  };
}

/** For the order alone; a cookie that isn't ours sorts as the oldest. */
function begunAtOf(value: string): number {
  return Number.parseInt(value.split(':')[1] ?? '', 36) || 0;
}

function cookiesOf(request: Request, namePrefix: string): Cookie[] {
  return readCookies(request.headers.cookie).filter(({ name }) => name.startsWith(namePrefix));
}
