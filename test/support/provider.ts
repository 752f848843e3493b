/** Owns the OpenID provider that stands in for Google and Keycloak in the demo and the tests: real protocol, no passwords. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { type Context, interactionPolicy, Provider } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';
import { createSignInPage } from './provider-page.ts';

/** Someone who can sign in; the claims are Google's, and `groups` is what Keycloak and others would add. */
export type Person = {
  /** Stays when the e-mail changes. */
  readonly sub: string;
  readonly name: string;
  readonly email: string;
  readonly email_verified: boolean;
  /** Google's Workspace domain; a consumer account has none, whatever its e-mail says. */
  readonly hd?: string;
  readonly groups?: readonly string[];
  /** Cannot sign in, and is refused where a refresh token speaks for them. */
  readonly suspended?: boolean;
  readonly archived?: boolean;
};

export type ProviderClient = {
  readonly id: string;
  readonly secret: string;
  /** Where the browser may be sent back to: `http://localhost:5001/sign-in/google/callback`. */
  readonly callbackUrls: readonly string[];
  /** Where the provider reports a sign-out; ID tokens then name its session. */
  readonly logoutUrl?: string;
};

/** Answers a request, or returns false where it is none of its own. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => boolean;

export type DemoProvider = {
  /** `http://localhost:PORT`; discovery works on it. */
  readonly issuer: string;
  /** The endpoints on Google's paths. */
  readonly authorizationUrl: string;
  readonly tokenUrl: string;
  readonly userinfoUrl: string;
  readonly jwksUrl: string;
  readonly revocationUrl: string;
  /** By `sub`; a change counts from the next sign-in or refresh on. */
  readonly people: Map<string, Person>;
  close(): Promise<void>;
};

/** The people of the demo; mallory has the company's e-mail domain on a consumer account. */
export const demoPeople: readonly Person[] = [
  {
    sub: '100000000000000000001',
    name: 'Ana Alves',
    email: 'ana@example.com',
    email_verified: true,
    hd: 'example.com',
    groups: ['platform'],
  },
  {
    sub: '100000000000000000002',
    name: 'Bo Berg',
    email: 'bo@example.com',
    email_verified: true,
    hd: 'example.com',
    groups: [],
  },
  { sub: '100000000000000000003', name: 'Mallory', email: 'mallory@example.com', email_verified: true },
];

/** Google's own paths, so that the same settings work for both but for the host. */
const routes = {
  authorization: '/o/oauth2/v2/auth',
  token: '/oauth2/v4/token',
  userinfo: '/oauth2/v3/userinfo',
  jwks: '/oauth2/v3/certs',
  revocation: '/revoke',
};

/**
 * Starts the provider on the loopback address.
 * @param settings.port 0 takes a free one
 * @throws the error of `listen`, `EADDRINUSE` for a taken port
 */
export async function startProvider(settings: {
  port: number;
  clients: readonly ProviderClient[];
  people?: readonly Person[];
  /** What else the server has: a directory of these people, a page to change them. */
  handlers?: (people: Map<string, Person>) => readonly Handler[] | Promise<readonly Handler[]>;
}): Promise<DemoProvider> {
  const people = new Map((settings.people ?? demoPeople).map((person) => [person.sub, person]));
  const server = createServer();
  server.listen(settings.port, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;

  const withoutToken = new Set<string>();
  const provider = new Provider(issuer, await configure(settings.clients, people, withoutToken));
  const consented = new Set<string>();
  provider.on('authorization.success', ({ oidc }) => {
    const { accountId } = oidc.session;
    // Google's way: with its consent page alone, which it shows at the first sign-in and where it is asked to.
    const shown = !consented.has(accountId) || oidc.params.prompt?.split(' ').includes('consent');
    if (oidc.params.access_type === 'offline' && !shown) withoutToken.add(accountId);
    consented.add(accountId);
  });
  // No session outlives its sign-in. With one, choosing somebody else would first ask to sign out the one before.
  provider.on('authorization.success', ({ oidc }) => {
    oidc.session.destroyed = true;
  });
  const protocol = provider.callback();
  const signInPage = createSignInPage(provider, people);
  const handlers = (await settings.handlers?.(people)) ?? [];
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (handlers.some((handle) => handle(request, response))) return;
    if (request.url?.startsWith('/choose/')) void signInPage(request, response);
    else protocol(request, response);
  });
  return {
    issuer,
    authorizationUrl: issuer + routes.authorization,
    tokenUrl: issuer + routes.token,
    userinfoUrl: issuer + routes.userinfo,
    jwksUrl: issuer + routes.jwks,
    revocationUrl: issuer + routes.revocation,
    people,
    close: () => close(server),
  };
}

async function configure(
  clients: readonly ProviderClient[],
  people: ReadonlyMap<string, Person>,
  /** Whose next sign-in brings no refresh token. */
  withoutToken: Set<string>,
): Promise<Record<string, unknown>> {
  const key = await generateKeyPair('RS256', { extractable: true });
  return {
    clients: clients.map((client) => ({
      client_id: client.id,
      client_secret: client.secret,
      redirect_uris: client.callbackUrls,
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'client_secret_post',
      ...(client.logoutUrl && { backchannel_logout_uri: client.logoutUrl, backchannel_logout_session_required: true }),
    })),
    jwks: { keys: [{ ...(await exportJWK(key.privateKey)), kid: 'demo', alg: 'RS256', use: 'sig' }] },
    adapter: createMemoryAdapter(15),
    cookies: { keys: [randomBytes(16).toString('hex')] },
    routes,
    pkce: { required: () => true },
    extraParams: ['access_type', 'hd', 'include_granted_scopes'],
    scopes: ['openid', 'email', 'profile', 'offline_access', 'groups'],
    claims: { openid: ['sub', 'hd'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    // Google puts the claims into the ID token; the default here is to leave them to userinfo.
    conformIdTokenClaims: false,
    // Seconds.
    ttl: {
      AccessToken: 3_600,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 3_600,
      Interaction: 600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
    // Each is good for one use; the second use of one ends all that came from it.
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      revocation: { enabled: true, allowedPolicy: ownToken },
    },
    expiresWithSession: () => false,
    interactions: { policy: alwaysAsk(), url: (_: Context, { uid }: { uid: string }) => `/choose/${uid}` },
    loadExistingGrant: consentToAll,
    issueRefreshToken: async (_: Context, client: Context['oidc']['client'], { accountId }: { accountId: string }) =>
      client.grantTypeAllowed('refresh_token') && !withoutToken.delete(accountId),
    findAccount: async (_: Context, sub: string) =>
      isThere(people.get(sub)) ? { accountId: sub, claims: async () => ({ ...people.get(sub) }) } : undefined,
  };

  async function consentToAll(context: Context): Promise<object> {
    const { provider, client, session, params } = context.oidc;
    const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
    grant.addOIDCScope(params.scope ?? 'openid');
    await grant.save();
    return grant;
  }
}

async function ownToken(_: Context, client: { clientId: string }, token: { clientId: string }): Promise<boolean> {
  return client.clientId === token.clientId;
}

function isThere(person: Person | undefined): boolean {
  return person !== undefined && !person.suspended && !person.archived;
}

/** Nobody is remembered: each sign-in asks which person to be. `select_account` is Google's word for that. */
function alwaysAsk(): interactionPolicy.Policy {
  const policy = interactionPolicy.base();
  const { Check, Prompt } = interactionPolicy;
  const unanswered = (context: Context): boolean => context.oidc.result?.['login'] === undefined;
  policy.get('login').checks.add(new Check('always_ask', 'choose who to be', unanswered));
  policy.add(new Prompt({ name: 'select_account', requestable: true }));
  return policy;
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

/** The environment by which a Dockpass takes the provider for Google; example.com is the Workspace domain that may come in. */
export function googleSettings(
  provider: DemoProvider,
  client: Pick<ProviderClient, 'id' | 'secret'>,
): Record<string, string> {
  return {
    GOOGLE_CLIENT_ID: client.id,
    GOOGLE_CLIENT_SECRET: client.secret,
    GOOGLE_DOMAINS: 'example.com',
    GOOGLE_AUTHORIZATION_URL: provider.authorizationUrl,
    GOOGLE_TOKEN_URL: provider.tokenUrl,
    GOOGLE_JWKS_URL: provider.jwksUrl,
    GOOGLE_ISSUERS: provider.issuer,
  };
}
