/** Owns the tokens that the doctor shows to a registry, one thing changed at a time: which of them it accepts shows its settings. */

import type { Signer, TokenHeader } from '../keys/signature.ts';
import { fieldsIn } from '../lib/json.ts';
import type { Access } from '../scope.ts';
import { mint } from '../token/mint.ts';
import { findChallenge } from './challenge.ts';
import { type Finding, right, unknown, wrong } from './finding.ts';
import { type Probe, ProbeError, type Reply } from './probe.ts';
import { brokenOff } from './reach.ts';

export type TrialParts = {
  readonly probe: Probe;
  readonly signers: Readonly<Record<TokenHeader, Signer>>;
  /** What the service's tokens have: their certificate, or the name of their key alone. */
  readonly header: TokenHeader;
  /** The registry, TLS overlooked: what is wrong with it has been said, and the tokens allow nothing. */
  readonly registry: URL;
  /** From the registry's challenge: a token for another `aud` would be refused for that reason. */
  readonly service: string;
  /** As Dockpass has it. */
  readonly issuer: string;
  /** Other issuers that a registry could have been given by mistake. */
  readonly otherIssuers: readonly string[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** By how many milliseconds the registry's clock is ahead of this one, as its Date header says. */
  readonly clockAhead: number;
};

/** Registries forgive a difference of 60 seconds (distribution, token.go Leeway); Dockpass backdates by 30. Milliseconds. */
const forgiven = 60_000;

/** Seconds: tokens that are shown to be looked at live no longer than they must. */
const lifetime = 60;

/** An answer to a token that is neither a yes nor a no to it: it says nothing about issuers and keys. */
class UnjudgedToken extends Error {
  override readonly name = 'UnjudgedToken';
  readonly status: number;
  constructor(status: number) {
    super(`The registry answers ${status} to a token.`);
    this.status = status;
  }
}

/** What the registry makes of Dockpass's tokens, and which setting is the reason. */
export async function tryTokens(parts: TrialParts): Promise<Finding[]> {
  try {
    return await findSetting(parts);
  } catch (error) {
    if (error instanceof ProbeError) return [brokenOff('auth', error, 'a token was shown')];
    if (!(error instanceof UnjudgedToken)) throw error;
    const seen = `${parts.registry.origin} answers ${error.status} to a token`;
    return [
      unknown('auth', `${seen}, so what the registry makes of it is not known. Does a proxy in front of it say this?`),
    ];
  }
}

async function findSetting(parts: TrialParts): Promise<Finding[]> {
  const { issuer, clockAhead } = parts;
  if (await isAccepted(parts, { issuer })) return trusted(parts);
  const otherHeader = parts.header === 'x5c' ? 'kid' : 'x5c';
  if (await isAccepted(parts, { issuer, header: otherHeader, shift: clockAhead })) {
    return [
      right('issuer', `"${issuer}"`),
      wrongHeader(parts.header, 'the registry takes tokens with the other header'),
    ];
  }
  const off = Math.abs(clockAhead) > forgiven ? [clockProblem(clockAhead)] : [];
  if (off.length > 0 && (await isAccepted(parts, { issuer, shift: clockAhead }))) return off;
  for (const other of parts.otherIssuers) {
    if (await isAccepted(parts, { issuer: other, shift: off.length > 0 ? clockAhead : 0 })) {
      return [...off, wrongIssuer(issuer, `is set to "${other}"`), keysTrusted];
    }
  }
  return [...off, ...(await tellApart(parts))];
}

/** A token as Dockpass makes it, in its compact form. */
export async function tokenFor(parts: TrialParts, access: readonly Access[]): Promise<string> {
  const service = { name: parts.service, issuer: parts.issuer, lifetime };
  return (await mint(parts.signers[parts.header], service, { account: 'dockpass-doctor', access }, parts.now())).jwt;
}

function trusted({ issuer, clockAhead }: TrialParts): Finding[] {
  const clock = `within a minute of this machine's${Math.abs(clockAhead) > forgiven ? ', whatever the Date header of the proxy says' : ''}`;
  return [right('issuer', `"${issuer}"`), keysTrusted, right('clock', clock)];
}

const keysTrusted = right('rootcertbundle', 'the registry takes tokens that Dockpass signs');

type Variation = {
  readonly issuer: string;
  readonly shift?: number;
  readonly brokenSignature?: boolean;
  readonly header?: TokenHeader;
};

/** A token without access is enough for `/v2/` (distribution, app.go authorized). */
async function show(parts: TrialParts, variation: Variation): Promise<Reply> {
  const { issuer, shift = 0, brokenSignature = false, header = parts.header } = variation;
  const service = { name: parts.service, issuer, lifetime };
  const { jwt } = await mint(
    parts.signers[header],
    service,
    { account: 'dockpass-doctor', access: [] },
    parts.now() + shift,
  );
  const shown = brokenSignature ? breakSignature(jwt) : jwt;
  return showText(parts, shown);
}

/** @throws {UnjudgedToken} */
async function showText({ probe, registry }: TrialParts, token: string): Promise<Reply> {
  const reply = await probe(registry, { headers: { authorization: `Bearer ${token}` }, overlookTls: true });
  if (reply.status !== 200 && reply.status !== 401) throw new UnjudgedToken(reply.status);
  return reply;
}

async function isAccepted(parts: TrialParts, variation: Variation): Promise<boolean> {
  return (await show(parts, variation)).status === 200;
}

function breakSignature(jwt: string): string {
  const at = jwt.lastIndexOf('.') + 1;
  return `${jwt.slice(0, at)}${jwt[at] === 'A' ? 'B' : 'A'}${jwt.slice(at + 1)}`;
}

/**
 * The issuer or the key: a 2.8 says neither on the wire. A 3.x looks at the key first, and answers a wrong signature by a
 * key that it trusts without the `error` that it has for an unknown key (distribution 3, token.go Verify).
 */
async function tellApart(parts: TrialParts): Promise<Finding[]> {
  const refused = await show(parts, { issuer: parts.issuer, brokenSignature: true });
  if (errorIn(refused) === undefined) {
    // A 2.8 and a 3.x alike have an `error` for what isn't a token (token.go NewToken): without it, they saw none.
    if (errorIn(await showText(parts, 'x')) === undefined) return [unseen];
    return [wrongIssuer(parts.issuer, 'is another one'), keysTrusted];
  }
  const { algorithm } = await shownToken(parts);
  const ways =
    'The registry does not say which: --registry-config FILE reads its config.yml, compose file or `docker run` line, or what "env" prints in its container, and its log says "token from untrusted issuer", "certificate signed by unknown authority" or "malformed token".';
  const trust =
    parts.header === 'x5c'
      ? 'auth.token.rootcertbundle must hold the certificate that Dockpass wrote'
      : 'auth.token.jwks must hold the key that Dockpass signs with now';
  return [
    unknown(
      'issuer',
      `auth.token.issuer must be "${parts.issuer}" to the letter; this or ${parts.header === 'x5c' ? 'rootcertbundle' : 'jwks'} is wrong, or signingalgorithms of a 3.x lacks ${algorithm}. ${ways}`,
    ),
    unknown(
      parts.header === 'x5c' ? 'rootcertbundle' : 'jwks',
      `${trust}, and the registry be started after that; this or issuer is wrong.`,
    ),
  ];
}

const unseen = unknown(
  'auth',
  "Tokens are answered as if there were none: Authorization doesn't reach the registry. Does a proxy remove it? It must hand it on; the issuer and the keys can be checked only then.",
);

function errorIn({ headers }: Reply): string | undefined {
  return findChallenge(headers['www-authenticate'], 'bearer')?.parameters['error'];
}

/** What of a token decides whether a registry can read it. */
export type ShownToken = { readonly algorithm: string; readonly keyId: string; readonly header: TokenHeader };

export async function shownToken(parts: TrialParts): Promise<ShownToken> {
  const [encoded = ''] = (await tokenFor(parts, [])).split('.');
  const { alg, kid } = fieldsIn(JSON.parse(Buffer.from(encoded, 'base64url').toString()));
  return { algorithm: String(alg), keyId: String(kid), header: parts.header };
}

/** @param header what the tokens have, which this registry can't verify */
export function wrongHeader(header: TokenHeader, seen: string): Finding {
  const advice =
    header === 'x5c'
      ? 'Tokens carry their certificate, which a registry with only jwks refuses. Set SERVICE_<NAME>_TOKEN_HEADER=kid of Dockpass, or give the registry rootcertbundle'
      : 'Tokens only name their key, and a 3.x knows no key of rootcertbundle by that name. Leave SERVICE_<NAME>_TOKEN_HEADER of Dockpass out, or give the registry the jwks file of Dockpass';
  return wrong('token header', `${seen}. ${advice}.`);
}

export function wrongIssuer(issuer: string, seen: string): Finding {
  return wrong(
    'issuer',
    `auth.token.issuer ${seen}, and Dockpass writes "${issuer}". Set the registry's issuer to that, to the letter, or TOKEN_ISSUER of Dockpass to the registry's.`,
  );
}

function clockProblem(ahead: number): Finding {
  const seconds = Math.round(Math.abs(ahead) / 1000);
  return wrong(
    'clock',
    `The registry's clock is ${seconds} seconds ${ahead > 0 ? 'ahead of' : 'behind'} this machine's; registries forgive 60. Set both by NTP.`,
  );
}
