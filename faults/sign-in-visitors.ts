/** A process of its own for the fault `sign-ins`: many people who sign in at the same time, each in a browser of their own. */
import { createVisitor } from '../test/support/visitor.ts';

/** What the code carries to the provider: who signs in, and the nonce that it has to repeat. */
export type Code = { readonly number: number; readonly email: string; readonly nonce: string };

export const clientId = 'dockpass';

/** @returns what went wrong, or `null`, and the milliseconds that it took */
async function signIn(dockpass: string, number: number): Promise<{ problem: string | null; ms: number }> {
  const begun = performance.now();
  const email = `person${number}@example.com`;
  const visitor = createVisitor();
  const problem = await comeIn().catch((error: Error) => `${error.message} ${String(error.cause ?? '')}`);
  return { problem, ms: performance.now() - begun };

  async function comeIn(): Promise<string | null> {
    const away = await visitor.request(`${dockpass}/sign-in/google`);
    await away.arrayBuffer();
    if (away.status !== 302) return `to the provider: ${away.status}`;
    const asked = new URL(away.headers.get('location') ?? '').searchParams;
    const code: Code = { number, email, nonce: asked.get('nonce') ?? '' };
    const answer = new URLSearchParams({
      code: Buffer.from(JSON.stringify(code)).toString('base64url'),
      state: asked.get('state') ?? '',
    });
    const { status, body } = await visitor.open(`${dockpass}/sign-in/google/callback?${answer}`);
    if (status !== 200) return `back from the provider: ${status}`;
    return body.includes(email) ? null : 'signed in as somebody else';
  }
}

if (import.meta.main) {
  const [dockpass = '', count = '0'] = process.argv.slice(2);
  const people = Array.from({ length: Number(count) }, (_, number) => signIn(dockpass, number));
  console.log(JSON.stringify(await Promise.all(people)));
}
