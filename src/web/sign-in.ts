/** Owns the sign-in pages: choose a provider, go there, come back as somebody, or be told why not. */
import type { Request, RequestHandler, Response } from 'express';
import type { Audit, Client } from '../audit.ts';
import { Refusal } from '../errors.ts';
import type { Admission, Admitted } from '../identity/admission.ts';
import type { Attempt, Connector, Profile } from '../identity/connector.ts';
import type { Account } from '../store/accounts.ts';
import { createAttempt, type PendingSignIn, rememberAttempt, takeAttempt, waitingAttempts } from './attempts.ts';
import { readAnswer } from './provider-answer.ts';
import { beginUrl, type RefusedParts, refuse } from './refused.ts';
import { safeReturnTo } from './return-to.ts';
import { type Sessions, visitorOf } from './session.ts';
import { type Outcome, runStrategy } from './strategy.ts';

export type SignInParts = RefusedParts & {
  readonly connectors: readonly Connector[];
  readonly admission: Admission;
  /** What follows from a sign-in before its person is let in. @throws {Refusal} where they have left after all */
  readonly welcome: (admitted: Admitted, profile: Profile, client: Client) => Promise<void>;
  readonly sessions: Pick<Sessions, 'signIn' | 'signOut'>;
  readonly audit: Audit;
  /** Told how each sign-in ended: 'completed', or the code of the refusal. */
  readonly onEnd: (provider: string, outcome: string) => void;
  /** Whether the public URL is https. */
  readonly secure: boolean;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

type ProviderHandler = RequestHandler<{ provider: string }>;

export type SignIn = {
  /** GET /sign-in */
  readonly choose: RequestHandler;
  /** GET /sign-in/:provider */
  readonly begin: ProviderHandler;
  /** GET /sign-in/:provider/callback */
  readonly complete: ProviderHandler;
  /** POST /sign-out */
  readonly signOut: RequestHandler;
};

export function createSignIn(parts: SignInParts): SignIn {
  return {
    choose: (request, response) => choose(parts, request, response),
    begin: orRefuse(parts, begin),
    complete: orRefuse(parts, complete),
    signOut: (request, response) => signOut(parts, request, response),
  };
}

function choose({ connectors, prefix, views }: SignInParts, request: Request, response: Response): void {
  const returnTo = safeReturnTo(request.query['return_to'], prefix);
  if (visitorOf(request) !== null) {
    response.redirect(303, returnTo);
    return;
  }
  const providers = connectors.map(({ name, label }) => ({ name, label, href: beginUrl(prefix, name, { returnTo }) }));
  views.page(response, 'sign-in', { providers, message: null });
}

async function begin(parts: SignInParts, connector: Connector, request: Request, response: Response): Promise<void> {
  requireSecure(parts, request);
  const { return_to: wanted, another } = request.query;
  const returnTo = safeReturnTo(wanted, parts.prefix);
  const attempt = createAttempt();
  const outcome = await ask(connector, request, attempt, another === 'yes' ? 'login' : undefined);
  if (!('redirect' in outcome)) throw new Error('the strategy knew a person before anybody was asked');
  rememberAttempt(request, { provider: connector.name, returnTo, begunAt: parts.now(), attempt });
  response.redirect(302, outcome.redirect);
}

async function complete(parts: SignInParts, connector: Connector, request: Request, response: Response): Promise<void> {
  const { state, refusal } = readAnswer(request.query, connector.label);
  const pending = takeAttempt(request, { provider: connector.name, state, now: parts.now() });
  if (pending === null) throw lost();
  if (refusal !== null) throw refusal;
  const { account, providerSession } = await identify(parts, connector, request, pending);
  const others = waitingAttempts(request);
  await parts.sessions.signIn(request, account, providerSession);
  for (const other of others) rememberAttempt(request, other);
  const detail = { provider: connector.name };
  const client = parts.clientOf(request);
  parts.audit.record({ action: 'sign-in', actor: account.login, subject: account.login, client, detail });
  parts.onEnd(connector.name, 'completed');
  response.redirect(303, pending.returnTo);
}

/** Whom the provider's answer proves, if that person may come in. */
async function identify(
  parts: SignInParts,
  connector: Connector,
  request: Request,
  { attempt }: PendingSignIn,
): Promise<{ account: Account; providerSession: string | null }> {
  let subject = '';
  try {
    const outcome = await ask(connector, request, attempt);
    if (!('profile' in outcome)) throw new Error('the strategy began again instead of completing');
    subject = outcome.profile.email ?? outcome.profile.subject;
    const admitted = await parts.admission.admit(connector, outcome.profile);
    await parts.welcome(admitted, outcome.profile, parts.clientOf(request));
    return { account: admitted.account, providerSession: outcome.profile.providerSession };
  } catch (error) {
    if (error instanceof Refusal) {
      const detail = { provider: connector.name, reason: error.message };
      const client = parts.clientOf(request);
      parts.audit.record({ action: 'sign-in.refused', actor: subject, subject, client, detail });
    }
    throw error;
  }
}

/** @throws {Refusal} in place of whatever the provider or its strategy reports */
async function ask(connector: Connector, request: Request, attempt: Attempt, prompt?: 'login'): Promise<Outcome> {
  try {
    return await runStrategy(await connector.strategy(), request, attempt, prompt);
  } catch (error) {
    throw connector.refusalOf(error);
  }
}

async function signOut(parts: SignInParts, request: Request, response: Response): Promise<void> {
  const person = visitorOf(request);
  await parts.sessions.signOut(request, response);
  if (person !== null) {
    const client = parts.clientOf(request);
    parts.audit.record({ action: 'sign-out', actor: person.login, subject: person.login, client });
  }
  response.redirect(303, `${parts.prefix}/sign-in`);
}

type Step = (parts: SignInParts, connector: Connector, request: Request, response: Response) => Promise<void>;

/** A refused sign-in has a page of its own, which says what to do next; other errors go the common way. */
function orRefuse(parts: SignInParts, step: Step): ProviderHandler {
  return async (request, response) => {
    const connector = parts.connectors.find(({ name }) => name === request.params.provider);
    if (connector === undefined) throw new Refusal('not_found', 'There is no such way to sign in.');
    try {
      await step(parts, connector, request as Request, response);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      parts.onEnd(connector.name, error.code);
      refuse(parts, connector, request as Request, response, error);
    }
  };
}

/** The cookie would silently not be sent, and the sign-in end as "not started in this browser". */
function requireSecure({ secure }: SignInParts, request: Request): void {
  if (!secure || request.secure) return;
  throw new Refusal(
    'internal',
    'Dockpass is set up for https, but this request is not known to have come over it. Tell the administrator: the proxy has to send X-Forwarded-Proto, and to be named as trusted.',
  );
}

/** Also what comes of a lost or foreign session. */
function lost(): Refusal {
  return new Refusal(
    'bad_request',
    'This sign-in was not started in this browser, is older than ten minutes, or was completed already.',
  );
}
