/** The demo as the README starts it: what it promises to each role, and what its tour without a browser prints. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pushHello } from '../script/demo-push.ts';
import { fencedIn } from './support/fenced.ts';
import { missing } from './support/parts.ts';
import { createPassword } from './support/person.ts';
import { freePorts } from './support/ports.ts';
import { runProgram, startProgram } from './support/process.ts';
import { createVisitor, signInAs, type Visitor } from './support/visitor.ts';

const readme = readFileSync('README.md', 'utf8');
const ana = 'ana@example.com';
const stack = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), 'dockpass-demo-'));
stack.defer(() => rmSync(folder, { recursive: true, force: true }));
after(() => stack.disposeAsync());

/** A clone of its own: the demo keeps its state in the folder that it was started from. */
const clone = join(folder, 'clone');
cpSync('script', join(clone, 'script'), { recursive: true });
for (const name of readdirSync('.').filter((name) => !['script', '.demo', '.git'].includes(name)))
  symlinkSync(resolve(name), join(clone, name));
const shell = (command: string, input = '') => runProgram('sh', ['-c', command], { cwd: clone, input });

describe('the demo', { skip: missing('docker-registry') }, () => {
  let text = '';
  let [url, registry] = ['', ''];
  before(async () => {
    const [port = 0, registryPort = 0, providerPort = 0] = await freePorts(3);
    const [command = ''] = fencedIn(readme).flatMap((block) => block.text.match(/^\.\/script\/demo(?=\s)/m) ?? []);
    const ports = `--port ${port} --registry-port ${registryPort} --provider-port ${providerPort}`;
    const options = { cwd: clone, ready: /^Starting/m };
    const demo = await startProgram('sh', ['-c', `exec ${command} ${ports}`], options);
    stack.defer(() => demo.stop());
    await demo.says(/Then look at Repositories/);
    text = demo.output();
    [url, registry] = [`http://localhost:${port}`, `localhost:${registryPort}`];
  });

  const enter = async (email: string): Promise<Visitor> => {
    const visitor = createVisitor();
    await signInAs(visitor, `${url}/sign-in/google`, email);
    return visitor;
  };
  const read = async (visitor: Visitor, path: string) => (await visitor.open(url + path)).body;

  test('the text says where to go, whom to be and what to try, and needs no Docker Hub', () => {
    assert.ok(text.includes(`Open     ${url}\n`), text);
    for (const name of ['ana', 'bo', 'ada', 'mallory']) assert.ok(text.includes(`${name}@example.com`), name);
    assert.doesNotMatch(text, /docker\.io|hello-world/);
  });

  test('the administrator has an overview, people, a request to answer, and a revocation that can be undone', async () => {
    const ada = await enter('ada@example.com');
    const overview = await read(ada, '/admin');
    assert.match(overview, /<strong>[1-9]\d*<\/strong> expires? within 14 days/);
    assert.match(overview, /href="\/admin\/requests"><strong>1<\/strong> open access request</);
    const requests = await read(ada, '/admin/requests');
    assert.equal(requests.match(/<h3 id="request-/g)?.length, 1);
    assert.match(requests, /kaori@example\.com<\/a> asks for push on <code>platform\/web-shop/);
    assert.match(requests, /These lines grant exactly this, before line/);
    assert.match(await read(ada, '/admin/people'), /jonas@example\.com/);
    assert.match(await read(ada, '/admin/revocations'), /dilek@example\.com[\s\S]*can be undone/);
  });

  test('ana has passwords, one of which expires soon, and a denial', async () => {
    const visitor = await enter(ana);
    assert.match(await read(visitor, '/'), /Expires soon/);
    assert.match(await read(visitor, '/access'), /finance\/ledger/);
  });

  test('what she creates pushes where the policy grants it, and nowhere else', async () => {
    const { secret } = await createPassword(await enter(ana), url, { name: 'Try' });
    const [granted = '', denied = ''] = text.match(/^ *\.\/script\/demo push \S+ .*$/gm) ?? [];
    const pushed = await shell(granted, `${secret}\n`);
    assert.equal(pushed.code, 0, pushed.output);
    assert.match(pushed.output, /Pushed .*platform\/hello:1, sha256:/);
    const refused = await shell(denied, `${secret}\n`);
    assert.equal(refused.code, 1);
    assert.match(refused.output, /isn't allowed to push to finance\/hello/);
    const wrong = pushHello({ url, registry, user: ana, secret: 'wrong', repository: 'platform/hello' });
    await assert.rejects(wrong, /invalid user name/);
  });

  test('bo is a newcomer, and sees who pushed what he can pull', async () => {
    const bo = await enter('bo@example.com');
    assert.match(await read(bo, '/'), /Log in to/);
    assert.match(await read(bo, '/repositories'), /platform\/web-shop[\s\S]*by <bdi>ana@example\.com/);
  });

  test('the page of mails shows what Dockpass has sent', async () => {
    const [, mails = ''] = /Mails +(\S+)/.exec(text) ?? [];
    // A mail is sent within seconds of what it's about.
    while (!(await (await fetch(mails)).text()).includes('to dilek@example.com'));
  });
});

test('the tour without a browser prints what the README shows', {
  skip: missing('docker-registry', 'skopeo'),
}, async () => {
  const at = readme.indexOf('`./script/demo --check`');
  const [{ text: shown } = { text: '' }] = fencedIn(readme.slice(at));
  const { code, stdout, output } = await shell('./script/demo --check');
  assert.equal(code, 0, output);
  // What differs from run to run.
  const same = (text: string) => text.replaceAll(/localhost:\d+/g, 'localhost:PORT').replaceAll(/dkp_\w{4}/g, 'dkp_');
  assert.equal(same(stdout), same(shown));
});
