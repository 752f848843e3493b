/** The demo's story without a person: from the sign-in to the refused login, a line a step. */
import { createVisitor, type Page, signInAs, type Visitor } from '../test/support/visitor.ts';
import { chooseClient, type DemoClient, type Outcome } from './demo-clients.ts';
import type { Demo } from './demo-services.ts';

const ana = 'ana@example.com';

type Step = { readonly says: string; readonly expected: 'allowed' | 'refused'; readonly run: () => Promise<Outcome> };

/**
 * Tells the story until a step ends otherwise than expected: what follows would only repeat that.
 * @param print takes a line
 * @returns whether every step ended as expected
 */
export async function checkStory(demo: Demo, folder: string, print: (line: string) => void): Promise<boolean> {
  const client = await chooseClient(demo, folder);
  print(`Dockpass on ${demo.url}. Client: ${client.description}.\n`);
  for (const { says, expected, run } of story(demo, client)) {
    const result = await attempt(run);
    const asExpected = result.ok === (expected === 'allowed');
    print(`${asExpected ? '✓' : '✗'} ${says}: ${result.seen}`);
    if (!asExpected) {
      print(`\nThis step should have been ${expected}.`);
      return false;
    }
  }
  print('\nThe whole story holds.');
  return true;
}

function story(demo: Demo, client: DemoClient): Step[] {
  const visitor = createVisitor();
  let secret = '';
  return [
    {
      says: 'mallory, with no Workspace behind the e-mail, signs in',
      expected: 'refused',
      run: () => signIn(demo, createVisitor(), 'mallory@example.com'),
    },
    { says: 'ana signs in at the provider', expected: 'allowed', run: () => signIn(demo, visitor, ana) },
    {
      says: 'ana creates a password on the page',
      expected: 'allowed',
      async run() {
        const page = await createPassword(demo, visitor);
        secret = /\bdkp_[0-9A-Za-z]{36}\b/.exec(page.body)?.[0] ?? '';
        return { ok: secret !== '', seen: secret === '' ? describe(page) : `${secret.slice(0, 8)}..., shown once` };
      },
    },
    { says: 'login with another secret', expected: 'refused', run: () => client.login(ana, `${secret.slice(0, -1)}!`) },
    { says: 'login with the password', expected: 'allowed', run: () => client.login(ana, secret) },
    { says: 'push to platform/hello', expected: 'allowed', run: () => client.push('platform/hello') },
    { says: 'pull platform/hello', expected: 'allowed', run: () => client.pull('platform/hello') },
    { says: 'push to finance/hello', expected: 'refused', run: () => client.push('finance/hello') },
    { says: 'ana revokes the password on the page', expected: 'allowed', run: () => revokePassword(demo, visitor) },
    { says: 'login with the revoked password', expected: 'refused', run: () => client.login(ana, secret) },
  ];
}

async function attempt(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    return { ok: false, seen: (error as Error).message };
  }
}

async function signIn(demo: Demo, visitor: Visitor, email: string): Promise<Outcome> {
  const page = await signInAs(visitor, `${demo.url}/sign-in/google`, email);
  const home = await visitor.open(demo.url);
  const ok = home.status === 200 && home.url.pathname === '/' && home.body.includes(email);
  return { ok, seen: describe(page) };
}

async function createPassword(demo: Demo, visitor: Visitor): Promise<Page> {
  const form = await visitor.open(`${demo.url}/passwords/new`);
  return visitor.submit(form, '/passwords', { name: 'The demo', days: '7', access: 'full', repositories: '' });
}

async function revokePassword(demo: Demo, visitor: Visitor): Promise<Outcome> {
  const home = await visitor.open(demo.url);
  const link = /\/passwords\/[^/"]+\/revoke/.exec(home.body)?.[0];
  if (link === undefined) return { ok: false, seen: `no password to revoke on the page: ${describe(home)}` };
  const question = await visitor.open(new URL(link, home.url));
  const page = await visitor.submit(question, link, {});
  return { ok: page.status === 200 && page.url.searchParams.has('revoked'), seen: describe(page) };
}

/** The status and the heading of a page. */
function describe({ status, body }: Page): string {
  const heading = /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(body)?.[1] ?? '';
  return `${status} ${heading
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()}`.trim();
}
