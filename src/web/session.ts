/** Owns the browser session: its cookie, who is signed in, and when that ends. */
import type { IncomingMessage } from 'node:http';
import type { CookieOptions, Request, RequestHandler, Response } from 'express';
import session from 'express-session';
import passport from 'passport';
import type { Actor } from '../audit/audit.ts';
import type { Authority } from '../identity/authority.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Account, AccountStore } from '../store/accounts.ts';
import type { SessionStore } from '../store/sessions.ts';
import { type CookieNames, cookieNames, readCookies } from './cookies.ts';
import { pageOf } from './form-page.ts';
import { safeReturnTo } from './return-to.ts';
import type { SessionPerson } from './session-person.ts';
import { DatabaseSessions, type SessionLimits } from './session-store.ts';

export type SessionParts = SessionLimits & {
  readonly sessions: SessionStore;
  readonly accounts: Pick<AccountStore, 'byId'>;
  readonly authority: Pick<Authority, 'objectionTo'>;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  /** The first signs cookies, all verify them: a new one is put in front. */
  readonly secrets: readonly string[];
  /** Whether the public URL is https. */
  readonly secure: boolean;
  /** Path prefix of all pages: '' or '/dockpass'. */
  readonly prefix: string;
  /** With the prefix. */
  readonly publicUrl: string;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** What the provider's answer said of the sign-in. */
export type SignInProof = Required<Pick<SessionPerson, 'providerSession' | 'authenticatedAt'>>;

export type Sessions = {
  /** Finds the session and the person of a request. For the pages alone: the token endpoint knows no cookies. */
  readonly middleware: readonly RequestHandler[];
  /** Sends visitors to the sign-in page; other requests are refused as `unauthenticated`. */
  readonly requirePerson: RequestHandler;
  /** Starts a new session for the person; the id that the browser had before is worth nothing afterwards. */
  signIn(request: Request, account: Account, proof: SignInProof): Promise<void>;
  signOut(request: Request, response: Response): Promise<void>;
  /** Ends the pruning of expired sessions. */
  close(): void;
};

/** Milliseconds. */
const pruneInterval = 600_000;

export function createSessions(parts: SessionParts): Sessions {
  const { sessions, log, now, secure, prefix } = parts;
  const names = cookieNames(parts.publicUrl, secure);
  const cookie: { name: string; options: CookieOptions } = {
    name: names.session,
    options: { path: '/', httpOnly: true, sameSite: 'lax', secure },
  };
  const people = createPeople(parts);
  const restorePerson: RequestHandler = people.session();
  const middleware = [
    acceptEarlierName(names),
    session({
      name: cookie.name,
      secret: [...parts.secrets],
      store: new DatabaseSessions(sessions, parts, now, (error) =>
        log.warn({ err: error }, 'a session was not extended by its use'),
      ),
      cookie: cookie.options,
      // A visitor who only looks leaves no row; a request that changes nothing writes at most the new expiry.
      saveUninitialized: false,
      resave: false,
    }),
    restorePerson,
    showPerson,
  ];
  const prune = (): void => {
    sessions.removeExpired(now()).catch((error: unknown) => log.warn({ err: error }, 'expired sessions stay for now'));
  };
  const timer = setInterval(prune, pruneInterval).unref();

  return {
    middleware,
    requirePerson: createRequirePerson(prefix),
    signIn: (request, account, proof) => settled((done) => request.logIn({ ...account, ...proof }, done)),
    async signOut(request, response) {
      await settled((done) => request.session.destroy(done));
      // A page that answers this very request is shown to no one in particular.
      request.user = undefined;
      response.locals['person'] = null;
      response.clearCookie(cookie.name, cookie.options);
      if (hasCookie(request, names.earlierSession)) response.clearCookie(names.earlierSession, cookie.options);
    },
    close: () => clearInterval(timer),
  };
}

/** A session that began before its cookie had the name of today goes on until its end. */
function acceptEarlierName({ session: name, earlierSession }: CookieNames): RequestHandler {
  return (request, _response, next) => {
    const earlier = readCookies(request.headers.cookie).find((cookie) => cookie.name === earlierSession);
    if (earlier !== undefined && !hasCookie(request, name)) request.headers.cookie += `; ${name}=${earlier.value}`;
    next();
  };
}

function hasCookie(request: Request, name: string): boolean {
  return readCookies(request.headers.cookie).some((cookie) => cookie.name === name);
}

/** Passport's part: what of a person is kept in the session, and whether it still counts at each request. */
function createPeople({ accounts, authority, requesterOf, now }: SessionParts): passport.Authenticator {
  const people = new passport.Passport();
  people.serializeUser(
    (request: IncomingMessage, user: Express.User, done: (error: null, kept: SessionPerson) => void) => {
      const { address, userAgent: client } = requesterOf(request);
      const { id, providerSession, authenticatedAt } = user as Account & SignInProof; // what signIn gave to logIn
      done(null, { accountId: id, signedInAt: now(), authenticatedAt, address, client, providerSession });
    },
  );
  people.deserializeUser(({ accountId }: SessionPerson, done) => {
    accounts.byId(accountId).then((account) => done(null, mayComeIn(account, authority) ? account : false), done);
  });
  return people;
}

/** Someone whom the provider wants to see again has to sign in first, for the pages too. */
function mayComeIn(account: Account | undefined, authority: SessionParts['authority']): account is Account {
  return account?.state === 'active' && authority.objectionTo(account) === null;
}

/** The layout of the pages names the person. */
const showPerson: RequestHandler = (request, response, next) => {
  response.locals['person'] = visitorOf(request);
  next();
};

function createRequirePerson(prefix: string): RequestHandler {
  return (request, response, next) => {
    const isVisitor = visitorOf(request) === null;
    // The page that says why leads back to the form.
    if (isVisitor) response.locals['returnTo'] = pageOf(request, prefix);
    if (isVisitor && (request.method === 'GET' || request.method === 'HEAD')) {
      response.redirect(
        303,
        `${prefix}/sign-in?return_to=${encodeURIComponent(safeReturnTo(request.originalUrl, prefix))}`,
      );
      return;
    }
    personOf(request);
    next();
  };
}

type SignedInRequest = Pick<Request, 'user'>;

/** Who is signed in, or `null`. */
export function visitorOf(request: SignedInRequest): Account | null {
  // Passport puts there what deserializeUser gave it.
  return (request.user as Account | undefined) ?? null;
}

/**
 * Who is signed in, for handlers behind `requirePerson`.
 * @throws {Refusal} `unauthenticated`
 */
export function personOf(request: SignedInRequest): Account {
  const person = visitorOf(request);
  if (person === null)
    throw new Refusal('unauthenticated', 'Your session expired. Sign in and try again; nothing was changed.');
  return person;
}

/** When the person of this browser signed in, in epoch milliseconds; 0 if no one has. */
export function signedInAt(request: Request): number {
  return request.session.passport?.user?.signedInAt ?? 0;
}

/** When the provider last authenticated the person of this browser, in epoch milliseconds; 0 where nothing shows when. */
export function authenticatedAt(request: Request): number {
  return request.session.passport?.user?.authenticatedAt ?? 0;
}

/** In whose name a request changes something. @throws {Refusal} `unauthenticated` */
export function actorOf(
  { requesterOf }: { requesterOf: (request: IncomingMessage) => Requester },
  request: IncomingMessage & SignedInRequest,
): Actor {
  return { actor: personOf(request).login, client: requesterOf(request) };
}

function settled(start: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
}
