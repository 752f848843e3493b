/** Owns a connector driven without a browser: begin, then the provider's answer, as the sign-in pages do it. */
import type { Request } from 'express';
import type { Attempt, Connector, Profile } from '../../src/sign-in/connector.ts';
import { runStrategy } from '../../src/web/strategy.ts';

/** What a strategy reads of Express's request. */
function requestOf(query: Readonly<Record<string, string>>): Request {
  const originalUrl = `/callback?${new URLSearchParams(query)}`;
  return { method: 'GET', query, originalUrl, headers: {} } as unknown as Request;
}

/**
 * Signs in up to the profile.
 * @param answer turns the parameters that were sent to the provider into the query that comes back
 * @throws {Refusal} as the sign-in pages would
 */
export async function profileThrough(
  connector: Connector,
  answer: (sent: URLSearchParams) => Promise<Record<string, string>> | Record<string, string>,
): Promise<Profile> {
  const attempt: Attempt = { state: 's'.repeat(32), nonce: 'n'.repeat(32) };
  try {
    const strategy = await connector.strategy();
    const begun = await runStrategy(strategy, requestOf({}), attempt, {});
    if (!('redirect' in begun)) throw new Error('nothing was begun');
    const query = await answer(new URL(begun.redirect).searchParams);
    const completed = await runStrategy(strategy, requestOf(query), attempt);
    if (!('profile' in completed)) throw new Error('began again');
    return completed.profile;
  } catch (error) {
    throw connector.refusalOf(error);
  }
}
