/** `dockpass workload add-cluster`, `list`, `off` and `on`, and `dockpass doctor --workload`, against what a real API server answered. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createInstallation, type Installation } from '../support/installation.ts';

const keys = readFileSync(new URL('recorded/jwks.json', import.meta.url), 'utf8');
/** Of a cluster behind a proxy such as Rancher's. */
const farPath = '/k8s/clusters/c-1';
let server: Server;
let installation: Installation;
const write = (name: string, text: string) => writeFile(join(installation.folder, name), text);

before(async () => {
  installation = createInstallation();
  // Anonymous requests get 403, and keys that are asked for as plain JSON 406, as at the real one.
  server = createServer(({ url: target = '', headers }, response) => {
    const url = target.replace(farPath, '');
    const account = url === target ? 'of-an-account' : 'of-a-proxy';
    if (headers.authorization !== `Bearer ${account}`) return void response.writeHead(403).end('{}');
    const takesKeys = headers.accept?.includes('application/jwk-set+json') === true;
    if (url === '/openid/v1/jwks' && !takesKeys) return void response.writeHead(406).end();
    const issuer = 'https://kubernetes.default.svc.cluster.local';
    const metadata = JSON.stringify({ issuer, jwks_uri: 'https://10.0.0.1:6443/openid/v1/jwks' });
    response.end(url === '/openid/v1/jwks' ? keys : metadata);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kubeconfig = (token: string) => `
current-context: shop
contexts: [{ name: shop, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { server: "${address}" } }]
users: [{ name: u, user: { token: ${token} } }]
`;
  await write('kubeconfig', kubeconfig('of-an-account'));
  await write('far', kubeconfig('of-a-proxy').replace(address, address + farPath));
  await write('stranger', kubeconfig('of-nobody'));
  await write('exec', kubeconfig('x').replace('token: x', 'exec: { command: aws }'));
});
after(() => {
  server.close();
  installation.remove();
});

test('add-cluster writes the keys beside the workloads file, and says what to add to it', async () => {
  const { code, output } = await installation.run(['workload', 'add-cluster', 'shop', '--kubeconfig', 'kubeconfig']);
  assert.equal(code, 0, output);
  assert.equal(await readFile(join(installation.folder, 'shop.json'), 'utf8'), keys);
  assert.match(
    output,
    /shop: \{ preset: kubernetes, issuer: "https:\/\/kubernetes\.default\.svc\.cluster\.local", jwks_file: "shop\.json" \}/,
  );
});

test('add-cluster never writes over a file of another kind', async () => {
  await write('mine.json', '{"mine": 1}');
  const words = ['workload', 'add-cluster', 'other', '--kubeconfig', 'kubeconfig', '--output'];
  const { code, output } = await installation.run([...words, join(installation.folder, 'mine.json')]);
  assert.equal(code, 1);
  assert.match(output, /--output: .*mine\.json holds something other than a JSON Web Key Set: name another file/);
  assert.equal(await readFile(join(installation.folder, 'mine.json'), 'utf8'), '{"mine": 1}');
});

test('add-cluster says what is missing: the right to ask, or a login without a program', async () => {
  const stranger = await installation.run(['workload', 'add-cluster', 'shop', '--kubeconfig', 'stranger']);
  assert.equal(stranger.code, 1);
  assert.match(stranger.output, /answers 403.*service-account-issuer-discovery/);
  const exec = await installation.run(['workload', 'add-cluster', 'shop', '--kubeconfig', 'exec']);
  assert.match(exec.output, /kubectl get --raw \/openid\/v1\/jwks/);
});

test('add-cluster tells an issuer from one whose name ends like it, and leaves the keys of another cluster alone', async () => {
  const entry = (name: string, iss: string) =>
    `issuers: { ${name}: { preset: kubernetes, issuer: "${iss}", jwks_file: ${name}.json } }\nrules: []\n`;
  const add = (name: string) => installation.run(['workload', 'add-cluster', name, '--kubeconfig', 'kubeconfig']);
  await write('workloads.yml', entry('preprod', 'https://other.example.com'));
  await write('preprod.json', '{ "keys": [] }');
  const prod = await add('prod');
  assert.match(prod.output, /^ {2}prod: \{ preset: kubernetes, .*jwks_file: "prod\.json" \}$/m);
  const taken = await add('preprod');
  assert.equal(taken.code, 1);
  assert.match(taken.output, /has the issuer "preprod" with other values\. Choose another NAME.*\n {2}preprod: /);
  assert.equal(await readFile(join(installation.folder, 'preprod.json'), 'utf8'), '{ "keys": [] }');
  await write('workloads.yml', entry('preprod', 'https://kubernetes.default.svc.cluster.local'));
  const again = await add('preprod');
  assert.equal(again.code, 0, again.output);
  assert.doesNotMatch(again.output, /Add to/);
  assert.equal(await readFile(join(installation.folder, 'preprod.json'), 'utf8'), keys);
});

test('add-cluster asks below the path of the server, as kubectl does', async () => {
  const { code, output } = await installation.run(['workload', 'add-cluster', 'far', '--kubeconfig', 'far']);
  assert.equal(code, 0, output);
  assert.match(output, /far: \{ preset: kubernetes/);
});

test('add-cluster says in one line what it cannot use', async () => {
  await write('broken', 'a: [');
  await write('empty', '{}');
  const given = ['--issuer', 'https://ci.example.com', '--jwks'];
  for (const [words, problem] of [
    [['oidc', ...given, 'shop.json'], /^NAME "oidc" is the user name for every issuer/],
    [['robot-x', ...given, 'shop.json'], /^NAME "robot-x" is a name that a robot can have/],
    [['ci', '--issuer', 'ci.example.com', '--jwks', 'shop.json'], /^--issuer ci\.example\.com isn't a URL/],
    [['ci', ...given, 'empty'], /^empty isn't a key set: .*kubectl get --raw/],
    [['ci', ...given, 'shop.json', '--output', 'shop.json/x'], /--output: .*shop\.json\/x goes through a file/],
    [['ci', '--kubeconfig', 'broken'], /broken is not a kubeconfig: /],
    [['ci', '--kubeconfig', 'empty'], /empty has no current-context\. Name one with --context/],
  ] as const) {
    const { code, output } = await installation.run(['workload', 'add-cluster', ...words]);
    assert.notEqual(code, 0, output);
    assert.match(output, problem);
    assert.doesNotMatch(output, /\n {4}at /);
  }
  const list = { KUBECONFIG: '/a/config:/b/config' };
  const several = await installation.run(['workload', 'add-cluster', 'ci'], list);
  assert.match(several.output, /^KUBECONFIG names several files/);
});

test('the doctor, the list and the switch know the cluster', async () => {
  await write(
    'workloads.yml',
    `issuers: { shop: { preset: kubernetes, issuer: "https://kubernetes.default.svc.cluster.local", jwks_file: shop.json } }
rules: [{ issuer: shop, match: { sub: "system:serviceaccount:shop:puller" } }]`,
  );
  const doctor = await installation.run(['doctor', '--workload', 'shop']);
  assert.equal(doctor.code, 0, doctor.output);
  assert.match(doctor.output, /ok +keys +1 in shop\.json/);
  assert.equal((await installation.run(['workload', 'off', 'shop', '--reason', 'moved'])).code, 0);
  assert.match((await installation.run(['workload', 'list'])).output, /shop {2}https:.*off since/);
  assert.equal((await installation.run(['doctor', '--workload', 'shop'])).code, 1);
  assert.equal((await installation.run(['workload', 'on', 'shop'])).code, 0);
  assert.equal((await installation.run(['workload', 'off', 'nope'])).code, 1);
});
