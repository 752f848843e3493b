/** Runs each registry client, of this machine and of the folders that are named, against a real registry that refuses it, and writes its words into docs/clients.md. */
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { ana, bo, type ClientWorld, startClientWorld } from '../test/support/client-world.ts';
import { startContainerd } from '../test/support/containerd.ts';
import { createCrane } from '../test/support/crane.ts';
import {
  asRegistryClient,
  type ImageStore,
  noContainerdStore,
  startDockerEngine,
} from '../test/support/docker-engine.ts';
import { createHelm } from '../test/support/helm-client.ts';
import { createOras } from '../test/support/oras.ts';
import { findProgram } from '../test/support/parts.ts';
import { startBuildah, startPodman } from '../test/support/podman.ts';
import type { Finished } from '../test/support/process.ts';
import { type RegistryClient, succeed } from '../test/support/registry-client.ts';
import { createSkopeo } from '../test/support/skopeo.ts';

type Candidate = { readonly programs: readonly string[]; start(folder: string): Promise<RegistryClient> };
/** What was printed, by what was done: "login", "pull", "push", "build". */
type Words = ReadonlyMap<string, string>;
type Recording = { readonly client: string; readonly situations: ReadonlyMap<string, Words> };

const page = resolve(import.meta.dirname, '..', 'docs', 'clients.md');
const marker = '<!-- What follows is written by script/record-clients. -->\n';

const engine = (store: ImageStore) => async (folder: string) => {
  const client = asRegistryClient(await startDockerEngine(join(folder, 'engine'), store));
  return {
    ...client,
    version: async () => `${await client.version()}, ${store === 'containerd' ? 'containerd image store' : store}`,
  };
};
const candidates = (): Candidate[] => [
  { programs: ['dockerd', 'docker'], start: engine('graph driver') },
  ...(noContainerdStore() === false ? [{ programs: ['dockerd', 'docker'], start: engine('containerd') }] : []),
  { programs: ['containerd', 'ctr'], start: startContainerd },
  { programs: ['podman'], start: startPodman },
  { programs: ['buildah'], start: startBuildah },
  { programs: ['skopeo'], start: async (folder) => createSkopeo(folder) },
  { programs: ['crane'], start: async (folder) => createCrane(folder) },
  { programs: ['oras'], start: async (folder) => createOras(folder) },
  { programs: ['helm'], start: async (folder) => createHelm(folder) },
];

const recordings: Recording[] = [];
const path = process.env['PATH'] ?? '';
for (const folder of ['', ...process.argv.slice(2)]) {
  process.env['PATH'] = [folder, path].filter(Boolean).join(delimiter);
  for (const { programs, start } of candidates()) {
    const found = programs.map((program) => findProgram(program));
    if (found.includes(null)) console.error(`not installed: ${programs.join(', ')}`);
    else if (found.every((file) => file?.startsWith(folder))) recordings.push(await record(start));
  }
}
const text = await readFile(page, 'utf8');
await writeFile(page, text.slice(0, text.indexOf(marker)) + marker + format(recordings));

async function record(start: Candidate['start']): Promise<Recording> {
  await using stack = new AsyncDisposableStack();
  const world = await startClientWorld(stack);
  const client = await start(world.folder);
  stack.defer(() => client.stop());
  const situations = new Map([
    ['The password is wrong, expired or revoked', await wrongPassword(client, world)],
    ['The policy says no', await denied(client, world)],
    ["The registry's `issuer` (or `rootcertbundle`) is not Dockpass's", await wrongIssuer(client, world)],
  ]);
  return { client: await client.version(), situations };
}

async function wrongPassword(client: RegistryClient, world: ClientWorld): Promise<Words> {
  const { registry } = world;
  const { id, secret } = await world.newPassword(ana);
  const login = await client.login(registry, ana, `dkp_${'0'.repeat(36)}`);
  await succeed(client.login(registry, ana, secret));
  const made = await client.make();
  await succeed(client.push(made, `${registry}/team/app:1`));
  await world.revoke(id);
  return wordsOf(client, world, {
    login,
    pull: await client.pull(`${registry}/team/app:1`),
    push: await client.push(made, `${registry}/team/app:2`),
    ...(await build(client, registry)),
  });
}

async function denied(client: RegistryClient, world: ClientWorld): Promise<Words> {
  const { registry } = world;
  await succeed(client.login(registry, bo, (await world.newPassword(bo)).secret));
  const pull = await client.pull(`${registry}/team/app:1`);
  const push = await client.push(await client.make(), `${registry}/team/app:1`);
  return wordsOf(client, world, { pull, push, ...(await build(client, registry)) });
}

async function build(client: RegistryClient, registry: string): Promise<{ build?: Finished }> {
  const finished = await client.build?.(`${registry}/team/app:1`, `${registry}/team/app:2`);
  return finished === undefined ? {} : { build: finished };
}

async function wrongIssuer(client: RegistryClient, world: ClientWorld): Promise<Words> {
  const { strangeRegistry } = world;
  const { secret } = await world.newPassword(ana);
  const login = await client.login(strangeRegistry, ana, secret);
  const pull = await client.pull(`${strangeRegistry}/team/app:1`);
  return wordsOf(client, world, {
    login,
    pull,
    push: await client.push(await client.make(), `${strangeRegistry}/team/app:1`),
    ...(await build(client, strangeRegistry)),
  });
}

function wordsOf(client: RegistryClient, world: ClientWorld, steps: Readonly<Record<string, Finished>>): Words {
  const told = Object.entries(steps).filter(([step]) => step !== 'login' || client.checksLogins);
  return new Map(told.map(([step, finished]) => [step, lastWords(finished, world)]));
}

/** What a person reads last, out of its log line, with the names of this run replaced. */
function lastWords({ code, output }: Finished, { registry, strangeRegistry }: ClientWorld): string {
  if (code === 0) return '(succeeds)';
  const lines = output.trim().split('\n');
  const begin = lines.findLastIndex((line) => /^(Error|ERROR|ctr:|time=)/.test(line));
  const words = lines.slice(begin < 0 ? -1 : begin).join(' ');
  const message =
    /\bmsg="((?:[^"\\]|\\.)*)"/
      .exec(words)?.[1]
      ?.replaceAll('\\"', '"')
      .replaceAll(/(\\n)+/g, ' ') ?? words;
  return message
    .replaceAll(registry, 'registry.example.com')
    .replaceAll(strangeRegistry, 'registry.example.com')
    .replaceAll(/localhost:\d+/g, 'auth.example.com')
    .replaceAll(/service=localhost%3A\d+/g, 'service=registry.example.com')
    .replaceAll(/http:\/\/(auth|registry)\.example/g, 'https://$1.example')
    .replaceAll(/(sha256:)?\b[0-9a-f]{64}\b/g, 'sha256:...')
    .trim();
}

function format(recorded: readonly Recording[]): string {
  const situations = [...(recorded[0]?.situations.keys() ?? [])];
  return situations.map((situation) => `\n### ${situation}\n\n${table(situation, recorded)}`).join('');
}

/** A row for what is done and what is then printed: clients of one family, and their versions, often print the same. */
function table(situation: string, recorded: readonly Recording[]): string {
  const told = recorded.flatMap(({ client, situations }) =>
    [...(situations.get(situation) ?? [])].map(([step, words]) => ({ client, end: `${step} | ${asCode(words)}` })),
  );
  const rows = Map.groupBy(told, ({ end }) => end);
  const lines = [...rows].map(([end, same]) => `| ${same.map(({ client }) => client).join(',<br>')} | ${end} |`);
  return `| client | does | prints |\n| --- | --- | --- |\n${lines.join('\n')}\n`;
}

function asCode(words: string): string {
  return `\`${words.replaceAll('|', '\\|').replaceAll('`', "'")}\``;
}
