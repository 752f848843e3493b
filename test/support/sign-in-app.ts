/** Owns the smallest app that people can sign in to: sessions and sign-in pages on a real store, pages as bare text. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { AuditEvent } from '../../src/audit/audit.ts';
import { createAuthority } from '../../src/identity/authority.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { createAdmission } from '../../src/sign-in/admission.ts';
import type { Connector } from '../../src/sign-in/connector.ts';
import { createFreshness } from '../../src/sign-in/freshness.ts';
import { createGoogleConnector, type GoogleSettings } from '../../src/sign-in/google/google.ts';
import type { Fetch } from '../../src/sign-in/provider-fetch.ts';
import { createSentBefore } from '../../src/sign-in/sent-before.ts';
import { createAccountMoveStore } from '../../src/store/account-moves.ts';
import { createAccountStore } from '../../src/store/accounts.ts';
import type { AuditStore } from '../../src/store/audit-events.ts';
import { openSql, readMigrations } from '../../src/store/open.ts';
import { createProviderSentStore } from '../../src/store/provider-sent.ts';
import { createRetiredLoginStore } from '../../src/store/retired-logins.ts';
import { createSeenTokenStore } from '../../src/store/seen-tokens.ts';
import { createSessionStore } from '../../src/store/sessions.ts';
import type { OpenDatabase } from '../../src/store/sql.ts';
import { createRedemptions } from '../../src/web/redemptions.ts';
import { createSessions, personOf } from '../../src/web/session.ts';
import { createSignIn, type SignInParts } from '../../src/web/sign-in.ts';
import { createSignInAttempts } from '../../src/web/sign-in-attempts.ts';
import { createSignedOut } from '../../src/web/signed-out.ts';
import { collectingAudit } from './audit.ts';
import { collectLog, type Line } from './collected-log.ts';
import { type DemoProvider, startProvider } from './provider.ts';
import { createSent } from './sent.ts';

export type SignInApp = {
  /** Of the first page, with the prefix and without a slash at its end. */
  readonly url: string;
  /** The table's rows, for what no page shows. */
  readonly sql: OpenDatabase;
  readonly audited: readonly AuditEvent[];
  /** What was logged. */
  readonly lines: readonly Line[];
  callbackUrl(provider: string): string;
  close(): Promise<void>;
};

export type SignInAppSettings = {
  connectors(callbackUrl: (provider: string) => string): Connector[] | Promise<Connector[]>;
  prefix?: string;
  /** As if the public URL were https; requests count as secure where they say X-Forwarded-Proto. */
  secure?: boolean;
  now?: () => number;
  /** Seconds. */
  idle?: number;
  /** Seconds. */
  absolute?: number;
  secrets?: readonly string[];
  /** What follows from a sign-in; nothing unless given. */
  afterSignIn?: SignInParts['afterSignIn'];
  onAnswer?: SignInParts['onAnswer'];
  /** Stores the audit; it's kept in memory unless given. */
  storeAudit?: AuditStore['add'];
  /** False unless given. */
  needsToken?: SignInParts['needsToken'];
  /** False unless given. */
  endedMeanwhile?: SignInParts['endedMeanwhile'];
};

/** The first page says who is signed in; a refused sign-in is its data as JSON. */
export async function startSignInApp(settings: SignInAppSettings): Promise<SignInApp> {
  const { prefix = '', secure = false, now = Date.now, idle = 3600, absolute = 86_400 } = settings;
  const sql = await openSql('sqlite::memory:', () => {});
  await sql.migrate(await readMigrations());
  const accounts = createAccountStore(sql);
  const { log, lines } = collectLog();
  const app = express().set('trust proxy', secure);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://localhost:${(server.address() as AddressInfo).port}${prefix}`;
  const callbackUrl = (provider: string): string => `${url}/sign-in/${provider}/callback`;

  // As if a proxy added TLS, where the public URL is to be https.
  const publicUrl = secure ? url.replace('http:', 'https:') : url;
  const { secrets = [randomBytes(16).toString('hex')] } = settings;
  const sessions = createSessions({
    authority: createAuthority([]),
    sessions: createSessionStore(sql),
    accounts,
    requesterOf: () => ({ address: '192.0.2.1', userAgent: 'test', requestId: 'r' }),
    secrets,
    secure,
    prefix,
    publicUrl,
    idle,
    absolute,
    log,
    now,
  });
  const audited: AuditEvent[] = [];
  const audit = collectingAudit(audited, settings.storeAudit && { add: settings.storeAudit });
  const sent = createSentBefore(createProviderSentStore(sql), now);
  const signIn = createSignIn({
    registries: [{ label: 'The main registry', host: 'registry.example.com' }],
    connectors: await settings.connectors(callbackUrl),
    freshness: createFreshness({ sent, maximumAge: 900, clockLeeway: 30, now }),
    maximumAge: 900,
    attempts: createSignInAttempts({ secrets, secure, prefix, publicUrl, now }),
    redemptions: createRedemptions({ seenTokens: createSeenTokenStore(sql), now }),
    admission: createAdmission({
      moves: createAccountMoveStore(sql),
      retiredLogins: createRetiredLoginStore(sql),
      authority: createAuthority([]),
      isStaticUser: () => false,
      accounts,
      audit,
      now,
    }),
    believe: async (profile) => profile,
    afterSignIn: settings.afterSignIn ?? (async () => {}),
    needsToken: settings.needsToken ?? (async () => false),
    endedMeanwhile: settings.endedMeanwhile ?? (async () => false),
    sessions,
    views: { page: (response, _name, data, status = 200) => void response.status(status).json(data) },
    onEnd: () => {},
    onAnswer: settings.onAnswer ?? (() => {}),
    audit,
    log,
    requesterOf: () => ({ address: '192.0.2.1', userAgent: 'test', requestId: 'r' }),
    prefix,
    publicUrl,
    secure,
    signedOut: createSignedOut({ publicUrl, secure }),
    now,
  });
  const pages = express.Router();
  pages.post('/sign-in/:provider', signIn.beginByPost);
  pages.use(...sessions.middleware);
  pages.get('/sign-in', signIn.choose);
  pages.get('/sign-in/:provider', signIn.begin);
  pages.get('/sign-in/:provider/callback', signIn.complete);
  pages.post('/sign-out', signIn.signOut);
  pages.use(
    sessions.requirePerson,
    (request, response) => void response.send(`signed in as ${personOf(request).login}`),
  );
  app.use(prefix || '/', pages);
  app.use(((error, _request, response, _next) => {
    const status = error instanceof Refusal ? error.status : 500;
    response.status(status).send(String(error));
  }) satisfies express.ErrorRequestHandler);

  return {
    url,
    sql,
    audited,
    lines,
    callbackUrl,
    async close() {
      sessions.close();
      server.close();
      server.closeAllConnections();
      await sql.close();
    },
  };
}

/** The same with the demo's provider as Google; example.com is the Workspace domain that may come in. */
export async function startGoogleApp(
  changes: Partial<SignInAppSettings> = {},
  google: Partial<GoogleSettings> = {},
  call: Fetch = fetch,
): Promise<SignInApp & { readonly provider: DemoProvider }> {
  const { promise, resolve } = Promise.withResolvers<DemoProvider>();
  const app = await startSignInApp({
    async connectors(callbackUrl) {
      const client = { id: 'dockpass', secret: 'demo-secret', callbackUrls: [callbackUrl('google')] };
      const provider = await startProvider({ port: 0, clients: [client] });
      resolve(provider);
      const settings = {
        ...{ clientId: client.id, clientSecret: client.secret, domains: ['example.com'], anyAccount: false },
        ...{ authorizationUrl: provider.authorizationUrl, tokenUrl: provider.tokenUrl, jwksUrl: provider.jwksUrl },
        ...{ revocationUrl: provider.revocationUrl, refreshTokens: false },
        ...{ issuers: [provider.issuer], callbackUrl: callbackUrl('google'), ...google },
      };
      return [createGoogleConnector(settings, { fetch: call, sent: createSent(), now: Date.now })];
    },
    ...changes,
  });
  const provider = await promise;
  return {
    ...app,
    provider,
    async close() {
      await app.close();
      await provider.close();
    },
  };
}
