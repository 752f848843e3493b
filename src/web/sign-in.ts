/** Owns the sign-in pages: choose a provider, go there, come back as someone, or read why not. */
import type { Request, RequestHandler, Response } from 'express';
import type { Audit } from '../audit/audit.ts';
import { foldCase } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import type { Admission, Admitted } from '../sign-in/admission.ts';
import type { Attempt, Connector, Profile, SignInRequest } from '../sign-in/connector.ts';
import type { Freshness } from '../sign-in/freshness.ts';
import { readAnswer } from './provider-answer.ts';
import type { Redemptions } from './redemptions.ts';
import { safeReturnTo } from './return-to.ts';
import { type Sessions, visitorOf } from './session.ts';
import { createBeginByPost, loginHintOf, properAddress, type SiteParts, targetOf } from './sign-in-address.ts';
import type { PendingSignIn, SignInAttempts } from './sign-in-attempts.ts';
import { beginUrl, type RefusedParts, refuse } from './sign-in-refused.ts';
import type { SignedOut } from './signed-out.ts';
import { type Outcome, runStrategy } from './strategy.ts';

export type SignInParts = RefusedParts &
  SiteParts & {
    /** What people sign in for; the page says so. */
    readonly registries: readonly { readonly label: string | null; readonly host: string }[];
    readonly connectors: readonly Connector[];
    readonly attempts: SignInAttempts;
    readonly redemptions: Redemptions;
    readonly admission: Admission;
    /** What a provider proved, as far as it's believed: it may have stopped sending something for everyone. */
    readonly believe: (profile: Profile) => Promise<Profile>;
    /** What follows from a sign-in before its person is let in. @throws {Refusal} where they have left after all */
    readonly afterSignIn: (admitted: Admitted, profile: Profile, client: Requester) => Promise<void>;
    /** Whether a refresh token of the person has to be asked for, as none is kept that the provider still takes. */
    readonly needsToken: (profile: Profile) => Promise<boolean>;
    /** Whether the provider ended the session of this sign-in, or stopped its person, while it was under way. Epoch milliseconds. */
    readonly endedMeanwhile: (
      profile: Profile,
      times: { readonly begunAt: number; readonly answeredAt: number },
    ) => Promise<boolean>;
    readonly freshness: Pick<Freshness, 'judge'>;
    /** Seconds that a fresh sign-in can be old. */
    readonly maximumAge: number;
    readonly sessions: Pick<Sessions, 'signIn' | 'signOut'>;
    readonly signedOut: SignedOut;
    readonly audit: Audit;
    /** Gets how each sign-in ended: 'completed', or the code of the refusal. */
    readonly onEnd: (provider: string, outcome: string) => void;
    /** How a provider answered: `null` as it should, else why it's the provider's or its settings' fault. */
    readonly onAnswer: (provider: string, problem: string | null) => void;
    /** Whether the public URL is https. */
    readonly secure: boolean;
    /** Epoch milliseconds. */
    readonly now: () => number;
  };

declare module './views.ts' {
  interface ViewData {
    continue: { href: string };
    /** `signedOut`: someone signed out in this browser, and no one has signed in since. */
    'sign-in': {
      signedOut: boolean;
      registries: readonly { readonly label: string | null; readonly host: string }[];
      providers: readonly { readonly name: string; readonly label: string; readonly href: string }[];
    };
  }
}

export type SignIn = {
  /** GET /sign-in */
  readonly choose: RequestHandler;
  /** GET /sign-in/:provider */
  readonly begin: RequestHandler;
  /** POST /sign-in/:provider */
  readonly beginByPost: RequestHandler[];
  /** GET /sign-in/:provider/callback */
  readonly complete: RequestHandler;
  /** POST /sign-out */
  readonly signOut: RequestHandler;
};

export function createSignIn(parts: SignInParts): SignIn {
  return {
    choose: (request, response) => choose(parts, request, response),
    begin: orRefuse(parts, begin),
    beginByPost: createBeginByPost(parts),
    complete: orRefuse(parts, complete),
    signOut: (request, response) => signOut(parts, request, response),
  };
}

function choose(
  { connectors, prefix, views, signedOut, registries }: SignInParts,
  request: Request,
  response: Response,
): void {
  const returnTo = safeReturnTo(request.query['return_to'], prefix);
  if (visitorOf(request) !== null) {
    response.redirect(303, returnTo);
    return;
  }
  const providers = connectors.map(({ name, label }) => ({ name, label, href: beginUrl(prefix, name, { returnTo }) }));
  views.page(response, 'sign-in', { signedOut: signedOut.isMarked(request), registries, providers });
}

async function begin(parts: SignInParts, connector: Connector, request: Request, response: Response): Promise<void> {
  const elsewhere = properAddress(parts, request);
  if (elsewhere !== null) {
    response.redirect(302, elsewhere);
    return;
  }
  requireSecure(parts, request);
  const { return_to: wanted, target_link_uri: target, another, fresh } = request.query;
  const returnTo = wanted === undefined ? targetOf(parts, target) : safeReturnTo(wanted, parts.prefix);
  const person = visitorOf(request);
  const hint = loginHintOf(request.query['login_hint']);
  const asksAgain = another === 'yes' || parts.signedOut.isMarked(request);
  let input: SignInRequest = { ...(asksAgain && { prompt: 'login' }), ...(hint !== undefined && { loginHint: hint }) };
  if (fresh === 'yes' && person !== null) {
    const loginHint = person.email === null ? {} : { loginHint: person.email };
    input = { prompt: 'login', maximumAge: parts.maximumAge, ...loginHint };
  }
  await redirectToProvider(
    parts,
    connector,
    { request, response },
    { returnTo, fresh: input.maximumAge !== undefined },
    input,
  );
}

type Exchange = { readonly request: Request; readonly response: Response };

/** Sends the browser to the provider, with a cookie that remembers what it began. */
async function redirectToProvider(
  parts: SignInParts,
  connector: Connector,
  { request, response }: Exchange,
  pending: Pick<PendingSignIn, 'returnTo' | 'fresh'>,
  input: SignInRequest,
): Promise<void> {
  const { attempts, now } = parts;
  const attempt = attempts.create();
  const outcome = await ask(parts, connector, request, attempt, input);
  if (!('redirect' in outcome)) throw new Error('the strategy knew a person before asking for one');
  const asked = { consent: input.prompt === 'consent', login: input.prompt === 'login' };
  attempts.remember(request, response, { ...pending, ...asked, provider: connector.name, begunAt: now(), attempt });
  response.redirect(302, outcome.redirect);
}

async function complete(parts: SignInParts, connector: Connector, request: Request, response: Response): Promise<void> {
  // A program that only looks at an address must not use up the code in it.
  if (request.method === 'HEAD') throw new Refusal('method_not_allowed', 'A provider sends people here with GET.');
  const { state, refusal } = readAnswer(request.query, connector.label);
  const pending = parts.attempts.find(request, { provider: connector.name, state });
  if (pending === null) throw lost();
  if (refusal !== null) throw refusal;
  const client = parts.requesterOf(request);
  const times = { begunAt: pending.begunAt, answeredAt: parts.now() };
  const profile = await parts.redemptions.redeem(client.address, pending, () =>
    prove(parts, connector, request, pending),
  );
  if (profile === null) return showContinue(parts, response, pending);
  if (!pending.consent && (await lacksConsent(parts, connector, profile))) {
    const input: SignInRequest = { prompt: 'consent', ...(profile.email !== null && { loginHint: profile.email }) };
    return redirectToProvider(parts, connector, { request, response }, pending, input);
  }
  const again = pending.fresh ? visitorOf(request) : null;
  const requireLasting = () =>
    endIfEnded(parts, connector, { request, response }, () => parts.endedMeanwhile(profile, times));
  const { account, authenticatedAt } = await auditRefusal(parts, connector, request, profile, async () => {
    await requireLasting();
    const authenticatedAt = await parts.freshness.judge(connector, profile, { login: pending.login, again });
    const believed = await parts.believe(profile);
    const { account } = await parts.admission.admit(connector, believed, { client, ...times }, async (admitted) => {
      await parts.afterSignIn(admitted, believed, client);
      // What the provider took after its answer, and before the account was read, must not be given back.
      await requireLasting();
    });
    return { account, authenticatedAt };
  });
  const detail = { provider: connector.name };
  // First: no one is signed in without it.
  await parts.audit.write({ action: 'sign-in', actor: account.login, subject: account.login, client, detail });
  await parts.sessions.signIn(request, account, { providerSession: profile.providerSession, authenticatedAt });
  await auditRefusal(parts, connector, request, profile, requireLasting);
  parts.signedOut.clear(request, response);
  parts.onEnd(connector.name, 'completed');
  response.redirect(303, pending.returnTo);
}

/**
 * Once the session is stored, what the provider reports finds it; what came before that was noted. So it's asked after storing,
 * and before anything else that a provider's older answer would change.
 * @throws {Refusal} `bad_request` where the session has to end
 */
async function endIfEnded(
  { sessions }: SignInParts,
  { label }: Connector,
  { request, response }: Exchange,
  endedMeanwhile: () => Promise<boolean>,
): Promise<void> {
  let isOver = true;
  try {
    isOver = await endedMeanwhile();
  } finally {
    if (isOver) await sessions.signOut(request, response);
  }
  if (isOver) throw new Refusal('bad_request', `You were signed out at ${label} meanwhile. Start again.`);
}

/** For a later copy of a callback. The first one may still be under way, so the page waits a moment before it continues. */
function showContinue({ views }: SignInParts, response: Response, { returnTo }: PendingSignIn): void {
  response.set('Refresh', `2; url=${returnTo}`);
  views.page(response, 'continue', { href: returnTo });
}

/** Whom the provider's answer proves. */
async function prove(
  parts: SignInParts,
  connector: Connector,
  request: Request,
  { attempt }: PendingSignIn,
): Promise<Profile> {
  const outcome = await ask(parts, connector, request, attempt);
  if (!('profile' in outcome)) throw new Error('the strategy began again instead of completing');
  return outcome.profile;
}

/** Someone who can't come in anyway isn't asked. */
async function lacksConsent(parts: SignInParts, connector: Connector, profile: Profile): Promise<boolean> {
  if (!connector.asksConsent || profile.refreshToken !== null || !(await parts.needsToken(profile))) return false;
  try {
    connector.check(profile);
    return true;
  } catch {
    return false;
  }
}

/** Records that a step was refused to someone whom the provider proved. Made-up callbacks are in the log and the metrics only. */
async function auditRefusal<Result>(
  parts: SignInParts,
  connector: Connector,
  request: Request,
  { email, subject: sub }: Profile,
  step: () => Promise<Result>,
): Promise<Result> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof Refusal) {
      const subject = email === null ? sub : foldCase(email);
      const detail = { provider: connector.name, reason: error.message };
      const client = parts.requesterOf(request);
      await parts.audit.write({ action: 'sign-in.refused', actor: subject, subject, client, detail });
    }
    throw error;
  }
}

/** @throws {Refusal} in place of whatever the provider or its strategy reports */
async function ask(
  { onAnswer }: Pick<SignInParts, 'onAnswer'>,
  connector: Connector,
  request: Request,
  attempt: Attempt,
  input?: SignInRequest,
): Promise<Outcome> {
  try {
    const outcome = await runStrategy(await connector.strategy(), request, attempt, input);
    // A redirect proves nothing: only the way back shows that the client and its secret are right.
    if ('profile' in outcome) onAnswer(connector.name, null);
    return outcome;
  } catch (error) {
    const refusal = connector.refusalOf(error);
    if (refusal.status >= 500) onAnswer(connector.name, refusal.message);
    throw refusal;
  }
}

async function signOut(parts: SignInParts, request: Request, response: Response): Promise<void> {
  const person = visitorOf(request);
  await parts.sessions.signOut(request, response);
  parts.signedOut.mark(response);
  if (person !== null) {
    const client = parts.requesterOf(request);
    await parts.audit.write({ action: 'sign-out', actor: person.login, subject: person.login, client });
  }
  response.redirect(303, `${parts.prefix}/sign-in`);
}

type Step = (parts: SignInParts, connector: Connector, request: Request, response: Response) => Promise<void>;

/** A refused sign-in has a page of its own, which says what to do next; other errors go the common way. */
function orRefuse(parts: SignInParts, step: Step): RequestHandler {
  return async (request, response) => {
    const connector = parts.connectors.find(({ name }) => name === request.params['provider']);
    if (connector === undefined)
      throw new Refusal('not_found', `Unknown sign-in provider. Start at ${parts.prefix}/sign-in.`);
    try {
      await step(parts, connector, request, response);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      parts.onEnd(connector.name, error.code);
      const returnTo = returnToOf(parts, connector, request);
      refuse(parts, connector, { request, response, returnTo }, error);
    }
  };
}

/** Where a refused sign-in was to lead, so that the next try leads there, too. */
function returnToOf({ attempts, prefix }: SignInParts, connector: Connector, request: Request): string {
  const { state, return_to: wanted } = request.query;
  const pending = typeof state === 'string' ? attempts.find(request, { provider: connector.name, state }) : null;
  return pending?.returnTo ?? safeReturnTo(wanted, prefix);
}

/** The browser would drop the cookie, and the sign-in would end as "not started in this browser". */
function requireSecure({ secure }: SignInParts, request: Request): void {
  if (!secure || request.secure) return;
  throw new Refusal(
    'internal',
    'Dockpass is set up for https, but this request is not known to have come over it. Tell your administrator: the proxy has to send X-Forwarded-Proto, and its address has to be in TRUSTED_PROXIES.',
  );
}

function lost(): Refusal {
  return new Refusal('bad_request', 'This sign-in expired or was started in another browser. Start again.');
}
