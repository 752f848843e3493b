/** Owns what the doctor asks an OpenID Connect provider, and what each answer means for the settings. */
import { createHash, randomBytes } from 'node:crypto';
import { errorCode, errorMessage } from '../lib/errors.ts';
import { isRecord } from '../lib/json.ts';
import { type Finding, right, unknown, wrong } from './finding.ts';

export type ProviderQuestion = {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly authMethod: 'auto' | 'basic' | 'post';
  readonly callbackUrl: string;
  /** Before each setting: "OIDC_KEYCLOAK_". */
  readonly prefix: string;
  /** Seconds. */
  readonly clockLeeway: number;
};

export type ProviderParts = {
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

type Metadata = Readonly<Record<string, unknown>>;

/** Milliseconds. */
const longestWait = 15_000;
/** ID tokens in these can be verified with the provider's public keys. */
const algorithms = /^(RS|PS|ES)(256|384|512)$|^EdDSA$|^Ed25519$/;

export async function examineProvider(parts: ProviderParts, question: ProviderQuestion): Promise<Finding[]> {
  const url = `${question.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await call(parts, url);
  if (!(response instanceof Response)) return [response];
  const metadata: unknown = await response.json().catch(() => null);
  if (!response.ok || !isRecord(metadata)) {
    return [
      wrong('discovery', `${url} answered ${response.status} without metadata. Is ${question.prefix}ISSUER right?`),
    ];
  }
  return [
    right('discovery', `${url} answers.`),
    checkIssuer(metadata, question),
    checkClock(response, parts.now(), question.clockLeeway),
    checkAlgorithms(metadata),
    await checkKeys(parts, metadata),
    await checkClient(parts, metadata, question),
    await checkRedirect(parts, metadata, question),
  ];
}

/** A provider whose endpoints the settings name: Google. `clock` is told by the answer with its keys. */
export async function examineEndpoints(
  parts: ProviderParts,
  endpoints: { readonly token_endpoint: string; readonly authorization_endpoint: string; readonly jwks_uri: string },
  question: ProviderQuestion,
): Promise<Finding[]> {
  const response = await call(parts, endpoints.jwks_uri);
  if (!(response instanceof Response)) return [response];
  return [
    checkClock(response, parts.now(), question.clockLeeway),
    await checkKeys(parts, endpoints),
    await checkClient(parts, endpoints, question),
    await checkRedirect(parts, endpoints, question),
  ];
}

/** @returns the answer, or what came between */
async function call({ fetch }: ProviderParts, url: string, init: RequestInit = {}): Promise<Response | Finding> {
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(longestWait) });
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const code = errorCode(cause) || errorMessage(cause);
    if (/CERT|SSL|TLS|SIGNATURE/.test(code)) {
      return wrong('TLS', `${url}: the certificate is not trusted (${code}). Add its authority to the system's CAs.`);
    }
    return wrong('discovery', `${url} cannot be reached (${code}). Check HTTPS_PROXY and NO_PROXY.`);
  }
}

/** OpenID Connect Discovery 1.0, section 4.3. */
function checkIssuer({ issuer }: Metadata, question: ProviderQuestion): Finding {
  const isSame = typeof issuer === 'string' && URL.parse(issuer)?.href === URL.parse(question.issuer)?.href;
  return isSame
    ? right('issuer', `it calls itself ${issuer}.`)
    : wrong('issuer', `it calls itself ${JSON.stringify(issuer)}: set ${question.prefix}ISSUER to that.`);
}

function checkClock(response: Response, now: number, leeway: number): Finding {
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(date)) return unknown('clock', 'the answer has no Date header.');
  const seconds = Math.round((date - now) / 1000);
  const text = `the provider's clock is ${Math.abs(seconds)} seconds ${seconds < 0 ? 'behind' : 'ahead'}`;
  return Math.abs(seconds) <= leeway
    ? right('clock', `${text}.`)
    : wrong('clock', `${text}, more than CLOCK_LEEWAY_SECONDS (${leeway}). Set one of the two clocks right.`);
}

function checkAlgorithms({ id_token_signing_alg_values_supported: listed }: Metadata): Finding {
  const names = Array.isArray(listed) ? listed.map(String) : [];
  return names.some((name) => algorithms.test(name))
    ? right('algorithms', `it signs ID tokens with ${names.join(', ')}.`)
    : wrong(
        'algorithms',
        `it signs ID tokens with ${names.join(', ') || 'nothing'}: give the client a signing key there.`,
      );
}

async function checkKeys(parts: ProviderParts, { jwks_uri: url }: Metadata): Promise<Finding> {
  if (typeof url !== 'string') return wrong('keys', 'the metadata names no jwks_uri.');
  const response = await call(parts, url);
  if (!(response instanceof Response)) return response;
  const set: unknown = await response.json().catch(() => null);
  const count = isRecord(set) && Array.isArray(set['keys']) ? set['keys'].length : 0;
  return count > 0
    ? right('keys', `${url} has ${count}.`)
    : wrong('keys', `${url} has no keys (status ${response.status}).`);
}

/** With a code that was never given: a provider looks at the client first (RFC 6749, section 5.2). */
async function checkClient(parts: ProviderParts, metadata: Metadata, question: ProviderQuestion): Promise<Finding> {
  const { token_endpoint: url } = metadata;
  if (typeof url !== 'string') return wrong('client', 'the metadata names no token_endpoint.');
  const methods = question.authMethod === 'auto' ? (['post', 'basic'] as const) : [question.authMethod];
  const said: string[] = [];
  for (const method of methods) {
    const response = await call(parts, url, tokenRequest(method, question));
    if (!(response instanceof Response)) return response;
    const answer: unknown = await response.json().catch(() => null);
    const { error, error_description: description } = isRecord(answer) ? answer : {};
    if (error === 'invalid_grant') return right('client', `its id and secret are accepted (client_secret_${method}).`);
    said.push(
      `client_secret_${method}: ${response.status} ${[error, description].filter((text) => typeof text === 'string').join(', ')}`,
    );
  }
  return wrong(
    'client',
    `its id or secret is refused (${said.join('; ')}). Compare ${question.prefix}CLIENT_ID and CLIENT_SECRET.`,
  );
}

function tokenRequest(
  method: 'basic' | 'post',
  { clientId, clientSecret, callbackUrl }: ProviderQuestion,
): RequestInit {
  const body = new URLSearchParams({
    ...{ grant_type: 'authorization_code', code: 'dockpass-doctor', redirect_uri: callbackUrl },
    ...{ code_verifier: randomBytes(32).toString('base64url') },
  });
  if (method === 'post') {
    body.set('client_id', clientId);
    body.set('client_secret', clientSecret);
    return { method: 'POST', body };
  }
  const pair = [clientId, clientSecret].map(encodeURIComponent).join(':');
  return { method: 'POST', body, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } };
}

/** Without a person: a provider that knows the address sends the browser there, or to its own sign-in. */
async function checkRedirect(parts: ProviderParts, metadata: Metadata, question: ProviderQuestion): Promise<Finding> {
  const { authorization_endpoint: endpoint } = metadata;
  const url = typeof endpoint === 'string' ? URL.parse(endpoint) : null;
  if (url === null) return wrong('redirect', 'the metadata names no authorization_endpoint.');
  const challenge = createHash('sha256').update(randomBytes(32)).digest('base64url');
  const fields = {
    ...{ client_id: question.clientId, redirect_uri: question.callbackUrl, response_type: 'code', scope: 'openid' },
    ...{ state: 'dockpass-doctor', nonce: 'dockpass-doctor', prompt: 'none' },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
  };
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
  const response = await call(parts, url.href);
  if (!(response instanceof Response)) return response;
  const location = response.headers.get('location') ?? '';
  if (location.startsWith(question.callbackUrl)) return right('redirect', `${question.callbackUrl} is registered.`);
  if (response.status >= 400) {
    return wrong(
      'redirect',
      `the provider answered ${response.status}: register ${question.callbackUrl} for this client.`,
    );
  }
  return unknown('redirect', `sign in once to see whether ${question.callbackUrl} is registered.`);
}
