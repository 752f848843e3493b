/** Writes the people of the company: Ana, who administers it, and as many more as are asked for. */
import type { Store } from '../../src/store/store.ts';
import { unaudited } from './audit.ts';
import { docker, type Held, hold } from './past-password.ts';

const minute = 60 * 1000;
const hour = 60 * minute;
const day = 24 * hour;

/** Ana's, the newest last, as time went by. */
const anas: readonly Held[] = [
  { age: 412, days: 90, name: 'ThinkPad', used: [330 * 24, '198.51.100.7', 'docker/26.1.4 go/go1.21.11'] },
  { age: 140, days: 365, name: 'Jenkins (old)', used: [71 * 24, '203.0.113.80', 'docker/27.3.1'], revoked: 70 },
  {
    ...{ age: 96, days: 365, name: 'Production cluster', pullOnly: true, repositories: ['platform/**', 'base/*'] },
    used: [0.2, '203.0.113.20', 'containerd/v2.1.4'],
    pulled: ['platform/gateway', 'platform/web-shop', 'base/debian', 'base/alpine'],
  },
  {
    ...{ age: 84, days: 90, name: 'GitHub Actions: web-shop', repositories: ['platform/web-shop/*'] },
    used: [2.1, '192.0.2.144', 'docker/28.0.4 go/go1.23.7'],
    pulled: ['platform/web-shop/api', 'platform/web-shop/front'],
  },
  {
    age: 31,
    days: 90,
    name: 'MacBook',
    used: [3.4, '198.51.100.7', docker],
    pulled: ['platform/gateway', 'people/ana/lab'],
  },
  {
    age: 20,
    days: 90,
    name: 'Mirror job',
    pullOnly: true,
    used: [9, '2001:db8:4f::c1', 'skopeo/1.18.0'],
    pulled: ['base/debian'],
  },
  { age: 1, days: 30, name: 'Raspberry Pi in the lab', pullOnly: true },
];

const given = 'Bo Chidi Dilek Elin Farid Greta Hana Ivo Jonas Kaori Lena Mateo Nadia'.split(' ');
const family = 'Berg Okafor Demir Strand Haddad Lindqvist Sato Novak Weber Tanaka Costa'.split(' ');
const machines = ['laptop', 'Workstation', 'CI', 'Cluster', 'Home server', 'Mirror'];
const clients = [docker, 'containerd/v2.1.4', 'skopeo/1.18.0', 'Buildah/1.39', 'docker/27.5.1'];
const repositories = 'web/shop web/blog data/etl base/debian base/alpine platform/gateway web/search'.split(' ');
/** @param facts.today epoch milliseconds @returns the ids of those that were used for the whole last month */
export async function writeAna(
  store: Store,
  { issuer, subject, today }: { readonly issuer: string; readonly subject: string; readonly today: number },
): Promise<string[]> {
  const login = 'ana@example.com';
  await store.accounts.signIn({
    ...{ id: 'ana', provider: 'google', issuer, subject, login, email: login, displayName: 'Ana Alves' },
    ...{ domain: 'example.com', groups: ['google:platform@example.com'], at: today - 420 * day },
  });
  await store.accounts.confirm(
    'ana',
    { at: today - 6 * 60 * minute, groups: ['google:platform@example.com'] },
    unaudited,
  );
  const ids: string[] = [];
  for (const held of anas) ids.push(await hold(store, { id: 'ana', login }, held, today));
  const denied = {
    account: login,
    account_id: 'ana',
    service: 'registry.example.com',
    type: 'repository',
    address: '198.51.100.7',
  };
  const at = (ago: number) => ({ first_at: today - ago - 3 * day, last_at: today - ago });
  await store.denials.add(
    [
      {
        ...{ ...denied, id: 'd1', name: 'prod/gateway', action: 'push', decided_by: 'policy', rule_line: 5 },
        ...{
          rule_comment: 'Only robots push to prod/',
          maker: null,
          password_name: 'MacBook',
          count: 3,
          ...at(67 * minute),
        },
      },
      {
        ...{ ...denied, id: 'd2', name: 'platform/web-shop', action: 'push', decided_by: 'password', rule_line: 8 },
        ...{
          rule_comment: null,
          maker: null,
          password_name: 'Mirror job',
          count: 1,
          address: '2001:db8:4f::c1',
          ...at(3 * day),
        },
      },
    ],
    200,
  );
  return ids.slice(2, 5);
}

/** Somebody like everybody else; what differs follows from the number. @param today epoch milliseconds */
export async function writePerson(store: Store, today: number, number: number): Promise<void> {
  const [first = '', last = ''] = [pick(given, number), pick(family, number * 7)];
  const isGuest = number % 9 === 4;
  const domain = isGuest ? 'partner.example.org' : 'example.com';
  const login = `${first}.${last}${number < 80 ? '' : number}@${domain}`.toLowerCase();
  const id = `p${number}`;
  const provider = isGuest
    ? { provider: 'keycloak', issuer: 'https://sso.example.org' }
    : { provider: 'google', issuer: 'https://accounts.google.com' };
  const at = today - (1 + ((number * 13) % 700)) * day + number * minute;
  const name = { login, email: login, displayName: `${first} ${last}` };
  await store.accounts.signIn({ id, subject: id, ...provider, ...name, domain, groups: groupsOf(number), at });
  if (!isGuest)
    await store.accounts.confirm(id, { at: today - (number % 15) * 60 * minute, groups: groupsOf(number) }, unaudited);
  for (let count = 0; count < (number * 5) % 4; count++) {
    const used = [(number * 3 + count * 40) % 900, `198.51.100.${(number * 7) % 250}`, pick(clients, number)] as const;
    const pulled = [pick(repositories, number), pick(repositories, number * 3)];
    const held = { age: 5 + ((number * 11) % 80), days: 90, name: pick(machines, number + count), used, pulled };
    await hold(store, { id, login }, held, today);
  }
  await writeState(store, id, number, today - (number % 20) * day);
}

async function writeState(store: Store, id: string, number: number, at: number): Promise<void> {
  if (number % 23 === 7)
    await store.people.disable(
      id,
      { forSecurity: false, at, by: 'ana@example.com', reason: 'Left the company' },
      unaudited,
    );
  if (number % 31 !== 12) return;
  const reason = 'the provider ended the session';
  await store.accounts.setState(id, { at, by: 'provider', state: 'reauth_required', reason }, unaudited);
}

function pick(list: readonly string[], number: number): string {
  return list[number % list.length] ?? '';
}

function groupsOf(number: number): string[] {
  if (number % 3 === 0) return ['google:web@example.com'];
  return number % 7 === 0 ? ['google:data@example.com', 'google:leads@example.com', 'google:on-call@example.com'] : [];
}
