/** Every kind of secret in the place of every other: each opens its own doors, and no other's. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openCore } from '../../src/app/core.ts';
import { openTerminal } from '../../src/app/terminal.ts';
import { readConfig } from '../../src/config/config.ts';
import { commandLineClient } from '../../src/oauth/terminal-grants.ts';
import type { Purpose } from '../../src/terminal/requests.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { basic } from '../support/token-service.ts';
import { exchangeForm } from '../support/workload-service.ts';

const ana = 'ana@example.com';
const service = 'registry.example.com';
const registryQuery = `service=${service}&scope=repository:acme/web:pull`;
const office = { address: '127.0.0.1', userAgent: '', requestId: 'r' };

let installation: Installation;
let issuer: TestIssuer;
let server: Server;
/** A secret of each kind, and the user name that it comes with. */
let secrets: Readonly<Record<Kind, readonly [username: string, secret: string]>>;

const kinds = {
  dkp: 'a password of a person',
  dkr: 'a password of a robot',
  dki: "docker's identity token",
  dka: 'an API token',
  dkc: 'an exchanged password',
  dkj: 'an identity token of a job',
  dkm: "a machine's secret",
  dkt: "a machine's password",
  device: 'a device code',
  idToken: 'an ID token',
  registryToken: 'a token for the registry',
} as const;
type Kind = keyof typeof kinds;

const post = async (path: string, form: Readonly<Record<string, string>>) => {
  const response = await fetch(`${server.url}${path}`, { method: 'POST', body: new URLSearchParams(form) });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
};
const login = async (username: string, secret: string, more = '') => {
  const headers = { Authorization: basic(username, secret) };
  const response = await fetch(`${server.url}/auth?${registryQuery}${more}`, { headers });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
};
const sign = () => issuer.sign({ aud: 'http://localhost:5001', sub: 'web' });

before(async () => {
  installation = createInstallation();
  issuer = await startIssuer();
  await writeFile(
    join(installation.folder, 'workloads.yml'),
    `issuers: { ci: { preset: oidc, issuer: "${issuer.url}" } }\nrules: [{ issuer: ci, match: { sub: web }, account: "ci:web" }]`,
  );
  Object.assign(installation.environment, { IDENTITY_TOKENS: 'true', ROBOT_BOUND: 'warn' });
  server = await installation.serve();
  await installation.addPerson(ana);
  secrets = await makeSecrets();
});
after(async () => {
  await server.stop();
  await issuer.stop();
  installation.remove();
});

async function makeSecrets(): Promise<typeof secrets> {
  const run = async (...words: string[]) => {
    const { code, stdout, output } = await installation.run(words);
    assert.equal(code, 0, output);
    return /dk[a-z]_\w+/.exec(stdout)?.[0] ?? '';
  };
  const dkp = await run('password', 'create', ana, '--name', 'test');
  await run('robot', 'create', 'web', '--owner-group', 'google:platform');
  const dkr = await run('robot', 'password', 'robot-web', '--name', 'test', '--days', '1');
  const dka = await run('api-token', 'create', '--name', 'test', '--days', '1', '--scopes', 'people:read');
  const ofTerminal = await makeInside();
  const ofPerson = await login(ana, dkp, '&offline_token=true');
  const ofJob = await login('oidc', await sign(), '&offline_token=true');
  const exchanged = await post('/oauth/token', exchangeForm(await sign()));
  return {
    dkp: [ana, dkp],
    dkr: ['robot-web', dkr],
    dki: [ana, ofPerson.body['refresh_token'] ?? ''],
    dka: [ana, dka],
    dkc: ['oidc', exchanged.body['access_token'] ?? ''],
    dkj: ['oidc', ofJob.body['refresh_token'] ?? ''],
    dkm: [ana, ofTerminal.dkm],
    dkt: [ana, ofTerminal.dkt],
    device: [ana, ofTerminal.device],
    idToken: ['oidc', await sign()],
    registryToken: ['oidc', ofJob.body['token'] ?? ''],
  };
}

/** What only pages make: on the same database, as another process. */
async function makeInside() {
  const config = readConfig({ ...installation.environment, LOG_LEVEL: 'silent' });
  const core = await openCore(config);
  try {
    const terminal = openTerminal(config, core);
    const { id: accountId } = (await core.store.accounts.byLogin(ana)) ?? assert.fail();
    const start = (purpose: Purpose) =>
      terminal.requests.start({ service, purpose, machine: 'laptop', loopback: null }, office);
    const { userCode, deviceCode } = await start('machine');
    const approval = { approved: true, limits: { actions: null, repositories: null } };
    await terminal.requests.decide(userCode, { accountId, login: ana, client: office }, approval);
    const polled = await terminal.poll(deviceCode, office);
    assert.ok(polled.kind === 'collected');
    const { secret: dkm } = polled.collected;
    const { password: dkt } = await terminal.machines.renew(dkm, office);
    return { dkm, dkt, device: (await start('login')).deviceCode };
  } finally {
    await core.close();
  }
}

type Place = {
  readonly opens: readonly Kind[];
  readonly status: (username: string, secret: string) => Promise<number>;
};

const grant = (form: Readonly<Record<string, string>>) => async () => (await post('/oauth/token', form)).status;
const terminalForm = { client_id: commandLineClient };
const places: Readonly<Record<string, Place>> = {
  'Basic at the realm': {
    opens: ['dkp', 'dkr', 'dki', 'dkc', 'dkj', 'dkt', 'idToken'],
    status: async (username, secret) => (await login(username, secret)).status,
  },
  'a password grant at the realm': {
    opens: ['dkp', 'dkr', 'dki', 'dkc', 'dkj', 'dkt', 'idToken'],
    status: async (username, password) =>
      (await post(`/auth?${registryQuery}`, { grant_type: 'password', username, password })).status,
  },
  'a refresh at the realm': {
    opens: ['dki', 'dkj'],
    status: async (_, secret) =>
      (await post(`/auth?${registryQuery}`, { grant_type: 'refresh_token', refresh_token: secret })).status,
  },
  'a refresh at the token endpoint': {
    opens: ['dkm'],
    status: (_, secret) => grant({ ...terminalForm, grant_type: 'refresh_token', refresh_token: secret })(),
  },
  'the device grant': {
    // Not approved yet: nothing is given for it either.
    opens: [],
    status: (_, secret) =>
      grant({
        ...terminalForm,
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: secret,
      })(),
  },
  'the code grant': {
    opens: [],
    status: (_, secret) =>
      grant({
        ...terminalForm,
        grant_type: 'authorization_code',
        code: secret,
        redirect_uri: 'http://127.0.0.1:1/',
        code_verifier: 'v'.repeat(43),
      })(),
  },
  'an exchange': { opens: ['idToken'], status: (_, secret) => grant(exchangeForm(secret))() },
  'an exchange of a JWT': {
    opens: ['idToken'],
    status: async (_, secret) => {
      const token = secret === secrets.idToken[1] ? await sign() : secret;
      return grant({ ...exchangeForm(token), subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' })();
    },
  },
  'the API': {
    opens: ['dka'],
    status: async (_, secret) =>
      (await fetch(`${server.url}/api/v1/people`, { headers: { Authorization: `Bearer ${secret}` } })).status,
  },
};

for (const [place, { opens, status }] of Object.entries(places)) {
  test(`${place} opens by ${opens.map((kind) => kinds[kind]).join(', ') || 'none of them'}, and by nothing else`, async () => {
    for (const kind of Object.keys(kinds) as Kind[]) {
      const [username, secret] = secrets[kind];
      assert.ok(secret, `there is no ${kinds[kind]}`);
      const answer = await status(username, secret);
      if (opens.includes(kind)) assert.equal(answer, 200, kinds[kind]);
      else assert.ok(answer >= 400 && answer < 500, `${kinds[kind]}: ${answer}`);
    }
  });
}

test('no name but its own goes with what belongs to a job', async () => {
  for (const username of ['', '<token>', ana, 'robot-web', 'ci:web', 'OIDC']) {
    for (const kind of ['idToken', 'dkc'] as const) {
      assert.equal((await login(username, secrets[kind][1])).status, 401, `${username} with ${kinds[kind]}`);
    }
  }
  // Names that clients send when they keep an identity token and no name.
  for (const username of ['', '<token>']) assert.equal((await login(username, secrets.dkj[1])).status, 200);
  for (const username of [ana, 'robot-web']) assert.equal((await login(username, secrets.dkj[1])).status, 401);
});

test('a leak report ends each of our secrets', async () => {
  for (const kind of ['dkj', 'dkc', 'dkt', 'dkm', 'dki', 'dka', 'dkr', 'dkp'] as const) {
    const [username, secret] = secrets[kind];
    const response = await fetch(`${server.url}/api/v1/leaked`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ secret }),
    });
    assert.deepEqual(await response.json(), { revoked: true }, kinds[kind]);
    for (const [place, { opens, status }] of Object.entries(places)) {
      if (opens.includes(kind)) assert.notEqual(await status(username, secret), 200, `${kinds[kind]} at ${place}`);
    }
  }
  assert.ok(!server.output().includes(secrets.dkc[1]), 'the log shows a secret');
});
