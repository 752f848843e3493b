/** Owns the way to each page and state of the company, as its administrator goes it; the tests walk them all. */
import type { Page } from 'playwright-core';
import { createPepper } from '../../src/lib/secret.ts';
import { pepper } from './past-password.ts';

export type Journey = {
  /** As it is mounted: "/admin/people/:id". */
  readonly route: string;
  readonly name: string;
  /** The address that a script puts in the place of a form's that made a secret; no address for every other page. */
  readonly leadsTo?: string;
  /** Changes nothing that another journey shows, except that lists grow. */
  readonly go: (page: Page) => Promise<unknown>;
};

const submit = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).click();
/** What must not be there yet gets a name of its own. */
const fresh = (what: string): string => `${what} ${Math.random().toString(36).slice(2, 8)}`;

function open(route: string, name: string, path: string = route): Journey {
  return { route, name, go: (page) => page.goto(path) };
}

/** As `dockpass login` opens it. */
const loopbackSignIn = new URLSearchParams({
  ...{ response_type: 'code', client_id: 'dockpass-cli', redirect_uri: 'http://127.0.0.1:4711/callback', state: 's' },
  ...{ code_challenge: 'c'.repeat(43), code_challenge_method: 'S256', machine: 'a laptop with a long name, at home' },
});

const repositories = '/repositories/registry.example.com';

/** Of someone else than who is signed in, as it is in a mail. */
const unsubscribe = `/unsubscribe?token=stranger.${createPepper(pepper).hash('unsubscribe\0stranger')}`;

const passwords: readonly Journey[] = [
  {
    route: '/',
    name: 'the passwords, all of them',
    go: async (page) => {
      await page.goto('/');
      await page.getByText('Expired and revoked', { exact: true }).click();
    },
  },
  {
    route: '/passwords/new',
    name: 'the form of a password',
    go: async (page) => {
      await page.goto('/passwords/new');
      await page.getByText('Limit to specific repositories').click();
    },
  },
  {
    route: '/passwords',
    name: 'a mistake in the form of a password',
    go: async (page) => {
      await page.goto('/passwords/new');
      await page.getByLabel('Name').fill(fresh('mistaken'));
      await page.getByText('Limit to specific repositories').click();
      await page.locator('#repositories').fill(`${'no spaces '.repeat(20)}`);
      await submit(page, 'Create password');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    route: '/passwords',
    name: 'the preview of a password',
    go: async (page) => {
      await page.goto('/passwords/new');
      await page.getByText('Limit to specific repositories').click();
      await page.locator('#repositories').fill(`platform/**\npeople/ana/**\nnew/${'long-name-'.repeat(20)}x\nprod/*`);
      await submit(page, 'Preview');
      await page.getByText('No password was created').waitFor();
    },
  },
  {
    route: '/passwords/:id',
    name: 'one password',
    go: async (page) => {
      await page.goto('/');
      await page.getByRole('link', { name: /^WWW/ }).first().click();
      await page.getByText('Used in the last 30 days').waitFor();
      await page.getByText('As a table').first().click();
    },
  },
  {
    route: '/passwords/:id',
    name: 'a password that was revoked',
    go: async (page) => {
      await page.goto('/');
      await page.getByText('Expired and revoked', { exact: true }).click();
      await page.locator('details .name').first().click();
      await page.getByText('Used in the last 30 days').waitFor();
    },
  },
  {
    route: '/passwords/:id/rotate',
    name: 'a new secret',
    go: async (page) => {
      await page.goto('/');
      await page.getByRole('link', { name: 'Rotate MacBook' }).click();
      await page.getByText('Keep the old password working for').waitFor();
    },
  },
  {
    route: '/passwords/:id/revoke',
    name: 'the question before revoking',
    go: async (page) => {
      await page.goto('/');
      await page.getByRole('link', { name: /^Revoke WWW/ }).click();
      await page.getByRole('button', { name: 'Revoke password' }).waitFor();
    },
  },
  open('/access', 'what I may do with a long name', `/access?repository=${'q/'.repeat(90)}q`),
  open('/access', 'what I may do', '/access?repository=prod/gateway'),
  {
    route: '/access',
    name: 'asking for access',
    go: async (page) => {
      await page.goto('/access');
      await page.getByText('Ask for access').first().click();
      await page.getByRole('link', { name: 'Request access' }).first().waitFor();
    },
  },
  {
    route: '/requests/new',
    name: 'the form of an access request',
    go: async (page) => {
      await page.goto('/access');
      await page.getByText('Ask for access').first().click();
      await page.getByRole('link', { name: 'Request access' }).first().click();
      await page.getByRole('button', { name: 'Request access' }).waitFor();
    },
  },
  open('/requests', 'my requests'),
  open('/repositories', 'repositories'),
  open('/repositories', 'repositories in another order', '/repositories?sort=size&order=up&q=web&empty=1'),
  open('/repositories', 'no repository found', '/repositories?q=nothing-like-this'),
  open('/repositories/:service/*name', 'a repository', `${repositories}/platform/gateway`),
  open(
    '/repositories/:service/*name',
    'a repository with a long name',
    `${repositories}/people/ana/a-repository-with-quite-a-long-name-that-somebody-once-chose-for-an-experiment`,
  ),
  open('/repositories/:service/*name', 'a repository that isn’t there', `${repositories}/${'y'.repeat(255)}`),
  open('/repositories/:service/*name', 'the platforms of a tag', `${repositories}/platform/gateway?tag=latest`),
  open('/repositories/:service/*name', 'an index of strange things', `${repositories}/platform/gateway?tag=strange`),
  open('/repositories/:service/*name', 'a chart', `${repositories}/platform/gateway-charts?tag=2.4.1`),
  open(
    '/repositories/:service/-/delete/*name',
    'the question before deleting a tag',
    `${repositories}/-/delete/platform/gateway?tag=2.4.1`,
  ),
  open('/settings/notifications', 'what I am notified of'),
  open('/unsubscribe', 'the question before unsubscribing', unsubscribe),
  {
    route: '/unsubscribe',
    name: 'unsubscribed',
    go: async (page) => {
      await page.goto(unsubscribe);
      await submit(page, 'Unsubscribe');
      await page.getByText('You’re unsubscribed').waitFor();
    },
  },
  open('/terminal', 'the code of a terminal'),
  {
    route: '/terminal',
    name: 'a wrong code of a terminal',
    go: async (page) => {
      await page.goto('/terminal');
      await page.getByLabel('Code').fill('BBBB-BBBB');
      await submit(page, 'Continue');
      await page.getByRole('alert').waitFor();
    },
  },
  open('/oauth/authorize', 'a terminal on this machine', `/oauth/authorize?${loopbackSignIn}`),
];

/** The pages of robots: for everybody, and for administrators. */
function ofRobots(base: string): Journey[] {
  const toPassword =
    (link: string | RegExp): Journey['go'] =>
    async (page) => {
      await page.goto(`${base}/mirror`);
      await page.getByRole('link', { name: link }).click();
      await page.getByRole('button', { name: /password$|^Rotate$/ }).waitFor();
    };
  return [
    open(base, 'robots'),
    open(`${base}/new`, 'the form of a robot'),
    {
      route: `${base}/new`,
      name: 'a mistake in the form of a robot',
      go: async (page) => {
        await page.goto(`${base}/new`);
        await page.getByLabel('Name').fill('Not A Name');
        const owner = page.getByLabel('Owner group');
        if (await owner.getAttribute('placeholder')) await owner.fill('platform');
        await submit(page, 'Create robot');
        await page.getByRole('alert').waitFor();
      },
    },
    open(`${base}/:robot`, 'a robot', `${base}/mirror`),
    open(`${base}/:robot`, 'a robot with a long name', `${base}/strange`),
    open(`${base}/:robot/passwords/new`, 'the form of its password', `${base}/strange/passwords/new`),
    open(`${base}/:robot/remove`, 'the deletion of a robot', `${base}/mirror/remove`),
    open(`${base}/:robot/change`, 'the change of a robot', `${base}/mirror/change`),
    open(`${base}/:robot/passwords/new`, 'the form of a robot’s password', `${base}/mirror/passwords/new`),
    {
      route: `${base}/:robot/passwords/:id`,
      name: 'one password of a robot',
      go: async (page) => {
        await page.goto(`${base}/mirror`);
        await page.getByRole('link', { name: 'Runner', exact: true }).first().click();
        await page.getByText('Used in the last 30 days').waitFor();
      },
    },
    {
      route: `${base}/:robot/passwords/:id/rotate`,
      name: 'a new secret for a robot',
      go: toPassword(/^(Rotate|Adopt) Runner/),
    },
    {
      route: `${base}/:robot/passwords`,
      leadsTo: `${base}/:robot`,
      name: 'a new password of a robot',
      go: async (page) => {
        await page.goto(`${base}/mirror/passwords/new`);
        await page.getByLabel('Name').fill(fresh('Night shift'));
        await submit(page, 'Create password');
        await page.locator('#secret').waitFor();
      },
    },
    {
      route: `${base}/:robot/passwords/:id/rotate`,
      leadsTo: `${base}/:robot`,
      name: 'the new secret of a robot',
      go: async (page) => {
        await page.goto(`${base}/mirror/passwords/new`);
        const name = fresh('Turning');
        await page.getByLabel('Name').fill(name);
        await submit(page, 'Create password');
        await page.getByRole('link', { name: 'Done, I’ve saved it' }).click();
        await page.getByRole('link', { name: `Rotate ${name}` }).click();
        await submit(page, 'Rotate');
        await page.getByText('has been rotated').waitFor();
      },
    },
    {
      route: `${base}/:robot/passwords/:id/revoke`,
      name: 'revoking a robot’s password',
      go: toPassword('Revoke Runner'),
    },
  ];
}

/** Of administrators alone. */
export const administration: readonly Journey[] = [
  open('/admin', 'the overview'),
  open('/admin/passwords', 'passwords of everyone'),
  open('/admin/passwords', 'passwords that are unused', '/admin/passwords?state=unused'),
  open('/admin/denials', 'denials of everyone'),
  open('/admin/requests', 'access requests'),
  open('/admin/people', 'people'),
  open('/admin/people', 'the last page of people', '/admin/people?page=3&sort=signed-in'),
  open('/admin/people', 'the people of a group', '/admin/people?group=web'),
  open('/admin/people', 'nobody found', '/admin/people?q=nobody-of-this-name'),
  open('/admin/people', 'somebody with a long name', '/admin/people?q=bartholomew'),
  {
    route: '/admin/people/:id',
    name: 'a person',
    go: async (page) => {
      await page.goto('/admin/people/ana');
      await page.getByText('Expired and revoked').click();
    },
  },
  open('/admin/people/:id', 'a person with too much of everything', '/admin/people/stranger'),
  open('/admin/people/:id', 'a disabled person', '/admin/people/p7'),
  open('/admin/people/:id/disable', 'the question before disabling', '/admin/people/stranger/disable'),
  open('/admin/people/:id/enable', 'the question before enabling', '/admin/people/p7/enable'),
  open('/admin/people/:id/end-sessions', 'the question before ending sessions', '/admin/people/p1/end-sessions'),
  open('/admin/people/:id/remove', 'the question before removing', '/admin/people/p1/remove'),
  open('/admin/people/:id/move', 'how an account follows its person', '/admin/people/stranger/move'),
  open('/admin/kept-logins', 'names that are kept'),
  open('/admin/workloads', 'workloads'),
  open('/admin/workloads/snippets', 'the snippets of a platform', '/admin/workloads/snippets?issuer=github'),
  open('/admin/workloads/:name/off', 'the question before disabling an issuer', '/admin/workloads/github/off'),
  open('/admin/workloads/:name/on', 'the question before enabling an issuer', '/admin/workloads/github/on'),
  open(
    '/admin/workloads/:name/discard-keys',
    'the question before discarding keys',
    '/admin/workloads/github/discard-keys',
  ),
  open('/admin/repositories', 'all repositories'),
  open('/admin/repositories/who-can', 'the question who can push'),
  open(
    '/admin/repositories/who-can',
    'who can pull',
    '/admin/repositories/who-can?repository=prod/web/shop&action=pull',
  ),
  open('/admin/revocations', 'revocations'),
  open('/admin/revocations/:id', 'a revocation that can be undone', '/admin/revocations/stolen'),
  open('/admin/revocations/:id', 'a revocation of long names', '/admin/revocations/strange'),
  open('/admin/revocations/:id', 'a revocation that stands', '/admin/revocations/contract'),
  {
    route: '/admin/revocations/new',
    name: 'a bulk with its preview',
    go: async (page) => {
      await page.goto('/admin/revocations/new');
      await page.getByLabel('Domain').fill('partner.example.org');
      await submit(page, 'Preview');
      await page.getByText('The passwords', { exact: true }).click();
    },
  },
  open('/admin/revocations/new', 'all of a person', '/admin/revocations/new?account=stranger'),
  open('/admin/revocations/new', 'nothing to revoke', '/admin/revocations/new?domain=nowhere.example'),
  open('/admin/audit', 'the audit'),
  open('/admin/audit', 'an empty audit', '/admin/audit?person=nobody&action=sign-in'),
  open('/admin/explain', 'the question of explain'),
  open(
    '/admin/explain',
    'explain beside a candidate',
    '/admin/explain?who=bo.berg@example.com&scope=repository:prod/web/shop:pull,push',
  ),
  open('/admin/explain', 'explain, of nobody and too long', `/admin/explain?who=nobody&scope=${'z'.repeat(200)}`),
  open('/admin/explain', 'explain with a mistake', '/admin/explain?who=bo.berg@example.com&scope=registry:'),
  open('/admin/tokens', 'API tokens'),
  open('/admin/tokens/new', 'the form of an API token'),
  open('/admin/tokens/:id/revoke', 'the question before revoking an API token', '/admin/tokens/offboarding/revoke'),
  {
    route: '/admin/tokens/new',
    leadsTo: '/admin/tokens',
    name: 'a new API token',
    go: async (page) => {
      await page.goto('/admin/tokens/new');
      await page.getByLabel('Name').fill(fresh('Export'));
      await page.getByLabel(/Read the audit/).check();
      await submit(page, 'Create token');
      await page.locator('#secret').waitFor();
    },
  },
  open('/admin/deliveries', 'deliveries that failed'),
  { route: '/nowhere', name: 'a page that is not there', go: (page) => page.goto('/nowhere') },
];

/** Of people, and of robots wherever they are. */
export const own: readonly Journey[] = [...passwords, ...ofRobots('/robots'), ...ofRobots('/admin/robots')];

/** Each page that is mounted, in its states. */
export const journeys: readonly Journey[] = [...own, ...administration];
