/** Owns the OAuth side of the sign-in from a terminal: device authorization, its three grants, revocation (RFC 8628, 8252, 7009). */
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import { isSecretOf, looksLikeSecret } from '../lib/secret.ts';
import type { Collected } from '../terminal/collect.ts';
import { findRegistry } from '../terminal/registry.ts';
import type { Purpose } from '../terminal/requests.ts';
import { pollInterval, type Terminal } from '../terminal/terminal.ts';
import { type Grant, OAuthError, type OAuthForm } from './token-endpoint.ts';

/** The one client: a public one, which proves nothing about itself. */
export const commandLineClient = 'dockpass-cli';
export const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code';

export type TerminalGrantParts = {
  readonly terminal: Terminal;
  readonly publicUrl: string;
  /** The registries, by what people write before an image's name and by the name of their service. */
  readonly services: readonly { readonly name: string; readonly registryHost: string }[];
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** In the place of device authorization and grants where the sign-in from a terminal is disabled. */
export function createDisabled({ publicUrl }: Pick<TerminalGrantParts, 'publicUrl'>): Grant {
  return async () => {
    const message = `Signing in from a terminal is disabled here. Make an app password instead: ${publicUrl}`;
    throw new OAuthError('access_denied', message);
  };
}

/** RFC 8628, section 3.2. Without verification_uri_complete: the code has to be typed (RFC 10027). */
export function createDeviceAuthorization({ terminal, publicUrl, services, now }: TerminalGrantParts): Grant {
  return async (form, client) => {
    requireClient(form);
    const service = registryOf(form.optional('registry'), services);
    const [purpose, machine] = [purposeOf(form.optional('purpose')), form.optional('machine') ?? ''];
    const request = { service, purpose, machine, loopback: null };
    const { deviceCode, userCode, expiresAt } = await terminal.requests.start(request, client);
    return {
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: new URL('terminal', publicUrl).href,
      expires_in: Math.floor((expiresAt - now()) / 1000),
      interval: pollInterval,
    };
  };
}

/** @throws {OAuthError} */
function purposeOf(text: string | null): Purpose {
  if (text === null || text === 'login' || text === 'machine') return text ?? 'login';
  throw new OAuthError('invalid_request', 'purpose must be login or machine.');
}

/** @throws {OAuthError} */
function registryOf(wanted: string | null, services: TerminalGrantParts['services']): string {
  const found = findRegistry(wanted, services);
  if (found !== null) return found;
  const known = services.map(({ registryHost }) => registryHost).join(', ');
  throw new OAuthError('invalid_request', `registry must be one of ${known}.`);
}

export const terminalGrantTypes = [deviceCodeGrant, 'authorization_code', 'refresh_token'] as const;

/** Each grant takes only its own kind of secret. */
export function createTerminalGrants(parts: TerminalGrantParts): ReadonlyMap<string, Grant> {
  const { terminal } = parts;
  return new Map<string, Grant>([
    [deviceCodeGrant, (form, client) => poll(parts, form, client)],
    [
      'authorization_code',
      async (form, client) => {
        requireClient(form);
        const [code, uri] = [form.required('code'), form.required('redirect_uri')];
        const collected = await grant(() => terminal.redeem(code, uri, form.required('code_verifier'), client));
        if (collected !== null) return answerOf(parts, collected);
        throw new OAuthError('invalid_grant', 'This code is wrong, used or too old. Start the login again.');
      },
    ],
    [
      'refresh_token',
      async (form, client) => {
        requireClient(form);
        const secret = form.required('refresh_token');
        if (!isSecretOf('dkm', secret)) {
          throw new OAuthError('invalid_grant', 'refresh_token must be the secret of a machine. Sign in again.');
        }
        const renewed = await grant(() => terminal.machines.renew(secret, client));
        return {
          ...{ access_token: renewed.password, token_type: 'N_A', username: renewed.login },
          expires_in: secondsUntil(renewed.passwordEndsAt, parts),
          ...(renewed.nextSecret !== null && { refresh_token: renewed.nextSecret }),
        };
      },
    ],
  ]);
}

async function poll(parts: TerminalGrantParts, form: OAuthForm, client: Requester): Promise<object> {
  requireClient(form);
  const polled = await grant(() => parts.terminal.poll(form.required('device_code'), client));
  switch (polled.kind) {
    case 'collected':
      return answerOf(parts, polled.collected);
    case 'pending':
      throw new OAuthError('authorization_pending', 'Approve this terminal in your browser.');
    case 'too-fast':
      throw new OAuthError('slow_down', `Ask every ${pollInterval} seconds.`);
    case 'refused':
      throw new OAuthError(
        'access_denied',
        'It was refused in the browser. Run the command again, and approve it if you started it.',
      );
    case 'expired':
      throw new OAuthError('expired_token', 'The code has expired. Start again.');
    case 'unknown':
      throw new OAuthError('invalid_grant', 'This device code is not known. Start again.');
  }
}

/** RFC 7009, section 2.2: a token that no one has isn't an error. One that goes on working must not be answered as if it had ended. */
export function createRevocation({ terminal }: TerminalGrantParts): Grant {
  return async (form, client) => {
    requireClient(form);
    const token = form.required('token');
    if (looksLikeSecret(token) && !isSecretOf('dkm', token)) {
      const message = 'Only the secret of a machine ends here. Revoke a password on its page, or report it as leaked.';
      throw new OAuthError('unsupported_token_type', message);
    }
    await terminal.machines.revoke(token, client);
    return {};
  };
}

/** It's the password of a Basic login, not a bearer token: RFC 8693, section 2.2.1 calls that N_A. */
function answerOf(parts: TerminalGrantParts, { login, registry, secret, kind, endsAt }: Collected): object {
  const rest = { token_type: 'N_A', username: login, registry, expires_in: secondsUntil(endsAt, parts) };
  return kind === 'machine' ? { ...rest, refresh_token: secret } : { ...rest, access_token: secret };
}

function secondsUntil(at: number, { now }: TerminalGrantParts): number {
  return Math.max(0, Math.floor((at - now()) / 1000));
}

/** @throws {OAuthError} `invalid_client` */
function requireClient(form: OAuthForm): void {
  if (form.required('client_id') === commandLineClient) return;
  throw new OAuthError('invalid_client', `client_id must be ${commandLineClient}.`);
}

/** What a secret is refused for, in the form of OAuth. */
async function grant<Result>(action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Refusal) || (error.code !== 'unauthenticated' && error.code !== 'conflict')) throw error;
    throw new OAuthError('invalid_grant', error.message, { cause: error });
  }
}
