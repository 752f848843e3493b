/** The demo's story without a person: from the sign-in to the refused login, a line a step. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createPassword, revokePassword } from '../test/support/person.ts';
import type { Person } from '../test/support/provider.ts';
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
    const { result, seen } = await attempt(run);
    print(`${result === expected ? '✓' : '✗'} ${says}: ${result}. ${seen}`);
    if (result !== expected) {
      print(`\nThis step should have been ${expected}.`);
      return false;
    }
  }
  print('\nEvery step ended as expected.');
  return true;
}

function story(demo: Demo, client: DemoClient): Step[] {
  const visitor = createVisitor();
  let secret = '';
  return [
    {
      says: 'mallory, a consumer account without the company, signs in',
      expected: 'refused',
      run: () => signIn(demo, createVisitor(), 'mallory@example.com'),
    },
    { says: 'ana signs in at the provider', expected: 'allowed', run: () => signIn(demo, visitor, ana) },
    {
      says: 'ana creates a password on the page',
      expected: 'allowed',
      async run() {
        const created = await createPassword(visitor, demo.url, { name: 'The demo' });
        secret = created.secret ?? '';
        return secret === ''
          ? { result: 'failed', seen: describe(created.page) }
          : { result: 'allowed', seen: `${secret.slice(0, 8)}..., shown once` };
      },
    },
    {
      says: 'login with a wrong password',
      expected: 'refused',
      run: () => client.login(ana, `${secret.slice(0, -1)}!`),
    },
    { says: 'login with the password', expected: 'allowed', run: () => client.login(ana, secret) },
    { says: 'push to platform/hello', expected: 'allowed', run: () => client.push('platform/hello') },
    { says: 'pull platform/hello', expected: 'allowed', run: () => client.pull('platform/hello') },
    { says: 'push to finance/hello', expected: 'refused', run: () => client.push('finance/hello') },
    {
      says: 'ana is taken out of the group platform in the directory, and Dockpass asks it again',
      expected: 'allowed',
      run: () => changeAna(demo, { groups: [] }),
    },
    { says: 'push to platform/hello', expected: 'refused', run: () => client.push('platform/hello') },
    {
      says: 'ana is put back',
      expected: 'allowed',
      run: () => changeAna(demo, { groups: ['platform'] }),
    },
    { says: 'push to platform/hello', expected: 'allowed', run: () => client.push('platform/hello') },
    { says: 'ana revokes the password on the page', expected: 'allowed', run: () => revoke(demo, visitor) },
    { says: 'login with the revoked password', expected: 'refused', run: () => client.login(ana, secret) },
    {
      says: 'ana creates another one',
      expected: 'allowed',
      async run() {
        secret = (await createPassword(visitor, demo.url, { name: 'Another' })).secret ?? '';
        return client.login(ana, secret);
      },
    },
    {
      says: 'ana is suspended in the directory, and Dockpass asks it again',
      expected: 'allowed',
      run: () => changeAna(demo, { suspended: true }),
    },
    {
      says: 'login with the password of someone who has left',
      expected: 'refused',
      run: () => client.login(ana, secret),
    },
    ...(client.movesImages
      ? [{ says: 'the registry reports to Dockpass', expected: 'allowed' as const, run: () => whoPushed(demo) }]
      : []),
  ];
}

type Listed = { readonly name: string; readonly pushedBy: string | null; readonly recentPulls: number };

/** Events come a moment after the push, and pulls are stored a second later. */
async function whoPushed({ command }: Demo): Promise<Outcome> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { code, stdout, output } = await command('repository', 'list', '--json');
    const listed: readonly Listed[] = code === 0 ? JSON.parse(stdout) : [];
    const seen = listed.map(
      ({ name, pushedBy, recentPulls }) => `${name} was pushed by ${pushedBy}, pulls: ${recentPulls}`,
    );
    if (listed.some(({ pushedBy, recentPulls }) => pushedBy === ana && recentPulls > 0)) {
      return { result: 'allowed', seen: seen.join('; ') };
    }
    if (Date.now() > deadline) return { result: 'failed', seen: seen.join('; ') || output };
    await sleep(500);
  }
}

/** The service asks by itself within a minute; a story does not wait for that. */
async function changeAna({ people, command }: Demo, change: Partial<Person>): Promise<Outcome> {
  const person = [...people.values()].find(({ email }) => email === ana);
  if (person !== undefined) people.set(person.sub, { ...person, ...change });
  const { code, output } = await command('sweep');
  return { result: code === 0 ? 'allowed' : 'failed', seen: linesOf(output).join('; ') };
}

/** Of a table, with one space between its columns. */
const linesOf = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim().replaceAll(/\s+/g, ' '));

async function attempt(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    return { result: 'failed', seen: (error as Error).message };
  }
}

async function signIn(demo: Demo, visitor: Visitor, email: string): Promise<Outcome> {
  const page = await signInAs(visitor, `${demo.url}/sign-in/google`, email);
  const home = await visitor.open(demo.url);
  if (page.status === 403 && !isSignedIn(home, email)) return { result: 'refused', seen: describe(page) };
  return { result: isSignedIn(home, email) ? 'allowed' : 'failed', seen: describe(page) };
}

function isSignedIn(home: Page, email: string): boolean {
  return home.status === 200 && home.url.pathname === '/' && home.body.includes(email);
}

async function revoke(demo: Demo, visitor: Visitor): Promise<Outcome> {
  const page = await revokePassword(visitor, demo.url);
  if (page === null) return { result: 'failed', seen: 'the page offers no password to revoke' };
  const done = page.status === 200 && page.url.searchParams.has('revoked');
  return { result: done ? 'allowed' : 'failed', seen: describe(page) };
}

/** The status and the heading of a page. */
function describe({ status, body }: Page): string {
  const heading = /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(body)?.[1] ?? '';
  return `${status} ${heading
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()}`.trim();
}
