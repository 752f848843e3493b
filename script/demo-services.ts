/** Starts what the demo consists of: the provider that stands in for Google, Dockpass itself, a registry that trusts it. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { notificationsFor } from '../src/repositories/notifications-block.ts';
import { createDirectory, type Directory, tokenPath } from '../test/support/directory.ts';
import { createMailPage, mailPath } from '../test/support/mail-page.ts';
import { startMailServer } from '../test/support/mail-server.ts';
import { findProgram } from '../test/support/parts.ts';
import { createPeoplePage, peoplePath } from '../test/support/people-page.ts';
import { freePorts } from '../test/support/ports.ts';
import { type Finished, type Running, runProgram, startProgram } from '../test/support/process.ts';
import {
  type DemoProvider,
  demoPeople,
  googleSettings,
  type Handler,
  type Person,
  type ProviderClient,
  startProvider,
} from '../test/support/provider.ts';
import { startRegistry } from '../test/support/registry.ts';
import { administrator, colleagues, liveThrough, writeDemoPast } from './demo-past.ts';

export type DemoPorts = { readonly dockpass: number; readonly registry: number; readonly provider: number };

/** Those of the demo that someone starts, unless they choose others. */
export const usualPorts: DemoPorts = { dockpass: 5001, registry: 5000, provider: 5002 };

export type Demo = {
  /** Dockpass, without a slash at the end. */
  readonly url: string;
  /** `localhost:5000`: the registry's address, and its `service`. */
  readonly registry: string;
  /** False where docker-registry is not installed: Dockpass then serves tokens that no one asks for. */
  readonly hasRegistry: boolean;
  /** Who can sign in; a change is one in the directory. By `sub`. */
  readonly people: Map<string, Person>;
  /** The page on which a visitor changes groups and suspends people. */
  readonly directoryUrl: string;
  /** The page with the mails that Dockpass has sent. */
  readonly mailUrl: string;
  /** Runs `dockpass WORDS...` beside the service. */
  command(...words: readonly string[]): Promise<Finished>;
  /** Settles when a part ends that wasn't stopped. */
  readonly casualty: Promise<{ readonly name: string; readonly lastWords: string }>;
};

/** How `dockpass WORDS...` is started: from the source, unless a test has it in a container. */
export type Launch = (
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
) => readonly [program: string, args: readonly string[]];

const root = resolve(import.meta.dirname, '..');
const fromSource: Launch = (words) => [join(root, 'script', 'dockpass'), words];
export const demoPolicyFile = join(root, 'script', 'demo-policy.yml');

/**
 * Starts everything on loopback ports; the stack stops it in the reverse order, also what stood before a later start failed.
 * @param settings.folder holds the database, keys and images
 * @param settings.ports free ones where none are given
 * @param settings.onStart gets each process that was started
 * @throws Error with the output of the part that did not start
 */
export async function startDemo(
  settings: {
    readonly folder: string;
    readonly ports?: DemoPorts;
    readonly policyFile?: string;
    readonly onStart?: (name: string, pid: number) => Promise<void>;
    readonly launch?: Launch;
    /** A new database gets a company that has used Dockpass for a month. */
    readonly past?: boolean;
  },
  stack: AsyncDisposableStack,
): Promise<Demo> {
  const { folder, ports = await freeDemoPorts(), launch = fromSource } = settings;
  const data = join(folder, 'dockpass');
  await mkdir(data, { recursive: true, mode: 0o700 });
  const url = `http://localhost:${ports.dockpass}`;
  const registry = `localhost:${ports.registry}`;
  const client = { id: 'dockpass-demo', secret: 'not-a-secret' };

  const mail = await startMailServer();
  stack.defer(() => mail.stop());
  const { provider, directory } = await startGoogle(
    ports.provider,
    { ...client, callbackUrls: [`${url}/sign-in/google/callback`] },
    createMailPage(mail.taken),
  );
  stack.defer(() => provider.close());

  const eventsToken = randomBytes(24).toString('hex');
  const environment = {
    PATH: process.env['PATH'] ?? '',
    PUBLIC_URL: url,
    PORT: String(ports.dockpass),
    DATA_DIR: data,
    CERTIFICATE_BUNDLE_FILE: join(data, 'registry-bundle.pem'),
    POLICY_FILE: settings.policyFile ?? demoPolicyFile,
    SERVICES: registry,
    ADMIN_EMAILS: administrator,
    CONTACT: administrator,
    [`SERVICE_LOCALHOST_${ports.registry}_EVENTS_TOKEN`]: eventsToken,
    [`SERVICE_LOCALHOST_${ports.registry}_URL`]: `http://${registry}`,
    ...googleSettings(provider, client),
    GOOGLE_DIRECTORY: 'recursive',
    GOOGLE_DIRECTORY_KEY: JSON.stringify(directory.keyFile),
    GOOGLE_DIRECTORY_URL: provider.issuer,
    GOOGLE_DIRECTORY_TOKEN_URL: provider.issuer + tokenPath,
    // Minutes; a visitor who changes something wants to see what comes of it.
    GROUPS_TTL: '1',
    ...{ SMTP_URL: `smtp://127.0.0.1:${mail.port}`, SMTP_FROM: 'Dockpass <dockpass@example.com>' },
  };
  const isNew = settings.past === true && !existsSync(join(data, 'password-pepper'));
  // Bo is the newcomer, and mallory never comes in.
  const people = [...demoPeople.filter(({ email }) => email.startsWith('ana@')), ...colleagues];
  if (isNew) await writeDemoPast({ environment, issuer: provider.issuer, people, registry, today: Date.now() });
  const [program, args] = launch(['serve'], environment);
  const dockpass = await startProgram(program, args, { cwd: folder, env: environment, ready: /listening/ });
  stack.defer(() => dockpass.stop());
  await settings.onStart?.('Dockpass', dockpass.pid);
  const command = (...words: readonly string[]) => {
    const [program, args] = launch(words, environment);
    return runProgram(program, args, { cwd: folder, env: environment });
  };

  const running: Record<string, Running> = { Dockpass: dockpass };
  const hasRegistry = findProgram('docker-registry') !== null;
  if (hasRegistry) {
    const started = await startRegistry({
      folder: join(folder, 'registry'),
      port: ports.registry,
      realm: `${url}/auth`,
      service: registry,
      issuer: new URL(url).host,
      certificateBundleFile: join(data, 'registry-bundle.pem'),
      notifications: notificationsFor(new URL(url), registry, eventsToken),
    });
    stack.defer(() => started.stop());
    await settings.onStart?.('the registry', started.pid);
    running['The registry'] = started;
  }
  const casualties = Object.entries(running).map(async ([name, { ended, output }]) => {
    await ended;
    return { name, lastWords: output().split('\n').slice(-10).join('\n') };
  });
  const demo: Demo = {
    url,
    registry,
    hasRegistry,
    people: provider.people,
    directoryUrl: provider.issuer + peoplePath,
    mailUrl: provider.issuer + mailPath,
    command,
    casualty: Promise.race(casualties),
  };
  if (isNew) await liveThrough(demo);
  return demo;
}

/** The provider that stands in for Google, with a directory of its people and a page to change them. */
async function startGoogle(
  port: number,
  client: ProviderClient,
  mailPage: Handler,
): Promise<{ provider: DemoProvider; directory: Directory }> {
  const { promise, resolve: made } = Promise.withResolvers<Directory>();
  const provider = await startProvider({
    port,
    clients: [client],
    people: [...demoPeople, ...colleagues],
    async handlers(people) {
      const directory = await createDirectory(people);
      made(directory);
      return [createPeoplePage(people), mailPage, directory.answer];
    },
  });
  return { provider, directory: await promise };
}

async function freeDemoPorts(): Promise<DemoPorts> {
  const [dockpass = 0, registry = 0, provider = 0] = await freePorts(3);
  return { dockpass, registry, provider };
}
