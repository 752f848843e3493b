/** Owns the company of the demo: who works there, and what they did before a visitor came. */

import { secretOf } from '../src/app/core.ts';
import { readConfig } from '../src/config/config.ts';
import { createPepper } from '../src/lib/secret.ts';
import { openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';
import { unaudited } from '../test/support/audit.ts';
import { writeDays } from '../test/support/past-days.ts';
import { docker, type Held, hold } from '../test/support/past-password.ts';
import type { Person } from '../test/support/provider.ts';
import { createVisitor, signInAs } from '../test/support/visitor.ts';
import { askForToken, pushHello } from './demo-push.ts';
import type { Demo } from './demo-services.ts';

const hour = 60 * 60 * 1000;
const day = 24 * hour;
const ana = { id: 'ana', login: 'ana@example.com' };

export const administrator = 'ada@example.com';

const names = [
  'Ada Ahlgren',
  'Chidi Okafor',
  'Dilek Demir',
  'Greta Sato',
  'Ivo Novak',
  'Jonas Weber',
  'Kaori Tanaka',
  'Lena Costa',
];

/** Besides those whom the welcome text names: Ada, who administers Dockpass, and colleagues. */
export const colleagues: readonly Person[] = names.map((name, index) => ({
  sub: String(100_000_000_000_000_000_010n + BigInt(index)),
  name,
  email: `${name.split(' ')[0]?.toLowerCase()}@example.com`,
  email_verified: true,
  hd: 'example.com',
  groups: index % 3 === 1 ? ['platform'] : index % 3 === 2 ? ['web'] : [],
}));

/** Ana's, the newest last. One ends in a few days. */
const anas: readonly Held[] = [
  { age: 140, days: 365, name: 'Jenkins (old)', used: [71 * 24, '203.0.113.80', 'docker/27.3.1'], revoked: 70 },
  {
    ...{ age: 96, days: 365, name: 'Production cluster', pullOnly: true, repositories: ['platform/**'] },
    used: [0.2, '203.0.113.20', 'containerd/v2.1.4'],
    pulled: ['platform/gateway', 'platform/web-shop'],
  },
  {
    ...{ age: 84, days: 88, name: 'GitHub Actions: web-shop', repositories: ['platform/web-shop'] },
    used: [2.1, '192.0.2.144', 'docker/28.0.4 go/go1.23.7'],
    pulled: ['platform/web-shop'],
  },
  { age: 31, days: 90, name: 'MacBook', used: [3.4, '198.51.100.7', docker], pulled: ['platform/gateway'] },
];
const machines = ['Laptop', 'Workstation', 'CI', 'Home server'];

/**
 * Writes a month of the company into a new database, before Dockpass starts on it.
 * @param facts.environment as `serve` gets it  @param facts.today epoch milliseconds
 */
export async function writeDemoPast(facts: {
  readonly environment: Readonly<Record<string, string>>;
  readonly issuer: string;
  readonly people: readonly Person[];
  readonly registry: string;
  readonly today: number;
}): Promise<void> {
  const config = readConfig({ ...facts.environment, LOG_LEVEL: 'silent' });
  const pepperId = createPepper(await secretOf(config, 'passwordPepper', 'password-pepper')).id;
  const store = await openStore(config.databaseUrl, () => {});
  try {
    for (const [index, person] of facts.people.entries())
      await writePerson(store, { ...facts, person, index, pepperId });
    const ids: string[] = [];
    for (const held of anas) ids.push(await hold(store, ana, held, facts.today, pepperId));
    await writeDays(store, ids.slice(1), facts.today);
    await writeDenials(store, facts.registry, facts.today);
  } finally {
    await store.close();
  }
}

async function writePerson(
  store: Store,
  facts: { person: Person; index: number; issuer: string; today: number; pepperId: string },
): Promise<void> {
  const { person, index, issuer, today, pepperId } = facts;
  const [id = ''] = person.email.split('@');
  const name = { login: person.email, email: person.email, displayName: person.name };
  const groups = (person.groups ?? []).map((group) => `google:${group}`);
  const who = { id, subject: person.sub, provider: 'google', issuer, domain: 'example.com', groups };
  await store.accounts.signIn({ ...who, ...name, at: today - (40 + index * 17) * day });
  await store.accounts.confirm(id, { at: today, groups }, unaudited);
  if (id === ana.id) return;
  for (let count = 0; count < 1 + (index % 2); count++) {
    const machine = machines[(index + count) % machines.length] ?? '';
    const used = [3 + index * 9 + count * 40, `198.51.100.${20 + index}`, docker] as const;
    await hold(
      store,
      { id, login: person.email },
      { age: 5 + index * 6, days: 90, name: machine, used },
      today,
      pepperId,
    );
  }
}

async function writeDenials(store: Store, service: string, today: number): Promise<void> {
  const at = { first_at: today - 3 * day, last_at: today - 2 * hour };
  const denied = { account: ana.login, account_id: ana.id, service, type: 'repository', address: '198.51.100.7' };
  // The last rule of script/demo-policy.yml.
  const rule = { rule_line: 25, rule_comment: 'Everyone at example.com pulls', maker: null };
  await store.denials.add(
    [
      {
        ...{ ...denied, ...rule, ...at, id: 'demo-denial', name: 'finance/ledger', action: 'push' },
        ...{ decided_by: 'policy', password_name: 'MacBook', count: 3 },
      },
    ],
    200,
  );
}

type Push = Parameters<typeof pushHello>[0];

/** What Dockpass itself has to have seen: a robot, someone who left, a revocation that can be undone, an open request, images. */
export async function liveThrough({ command, hasRegistry, url, registry }: Demo): Promise<void> {
  const done = async (...words: string[]): Promise<string> => {
    const { code, stdout, output } = await command(...words);
    if (code !== 0) throw new Error(`dockpass ${words.join(' ')}: ${output}`);
    return stdout;
  };
  const passwordOf = async (user: string, name: string): Promise<Omit<Push, 'repository'>> => {
    const { secret } = JSON.parse(await done('password', 'create', user, '--name', name, '--json'));
    return { url, registry, user, secret };
  };
  await done('robot', 'create', 'ci-web', '--owner-group', 'platform', '--description', 'Builds the web images');
  await done('person', 'disable', 'jonas@example.com', '--reason', 'Left the company');
  const lost = ['--email', 'dilek@example.com', '--reason', 'The laptop was lost'];
  await done('revocation', 'create', ...lost, '--yes');
  await askForAccess({ ...(await passwordOf('kaori@example.com', 'Design laptop')), repository: 'platform/web-shop' });
  if (!hasRegistry) return;
  const anas = await passwordOf(ana.login, 'Workstation');
  for (const repository of ['platform/gateway', 'platform/web-shop', 'people/ana/lab']) {
    await pushHello({ ...anas, repository });
  }
}

/** Is denied a push, and asks the administrators for it on the page. */
async function askForAccess(push: Push): Promise<void> {
  await askForToken(push);
  const { url, user, registry: service, repository } = push;
  const visitor = createVisitor();
  await signInAs(visitor, `${url}/sign-in/google`, user);
  const form = await visitor.open(`${url}/requests/new?${new URLSearchParams({ service, repository })}`);
  const note = 'I maintain the shop’s pictures, and would like to push them myself.';
  const page = await visitor.submit(form, `${url}/requests`, { service, repository, note });
  if (!page.url.searchParams.has('done')) throw new Error(`${user} couldn't ask for access: ${page.status}`);
}
