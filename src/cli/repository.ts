/** Owns `dockpass repository ...`: the list of repositories, and reading it from the registry. */
import { openSigningKeys } from '../app/core.ts';
import { refuseInTrial } from '../app/installation.ts';
import { openRegistries } from '../app/registries.ts';
import type { Config } from '../config/config.ts';
import type { Keys } from '../keys/keys.ts';
import { countOf } from '../lib/count.ts';
import { Refusal } from '../lib/errors.ts';
import { minuteOf } from '../lib/time.ts';
import { type RepositoryRecord, recordsOf } from '../repositories/records.ts';
import { type SyncProgress, type SyncReport, syncRepositories } from '../repositories/sync.ts';
import type { Command, Terminal, Values } from './command.ts';
import { byCommandLine, configOf, serviceNamed, serviceNames, withCore } from './core.ts';
import { type Column, note, reply, replyList } from './output.ts';

export const repositoryCommands: readonly Command[] = [
  {
    name: 'repository list',
    usage: '[SERVICE] [--never-pulled] [--json]',
    summary: 'List the repositories that have tags, with size, last push and last pull',
    options: { 'never-pulled': { type: 'boolean', help: 'only those of which no pull was reported' } },
    json: {
      list: true,
      fields: {
        service: 'the registry, as SERVICES has it',
        name: 'of the repository',
        tags: 'how many',
        size: 'bytes of its distinct layers and configs, or null',
        firstSeenAt: 'when Dockpass first heard of it, epoch milliseconds',
        pushedAt: 'of the last push, or null',
        pushedBy: 'login of who pushed last, or null',
        pushedByKind: 'person, robot, workload, static, unknown or deleted; null where no push is known',
        pulledAt: 'of the last pull, or null',
        recentPulls: 'of the last 30 days',
        syncedAt: 'when a sync last read all its tags, or null',
      },
    },
    operands: [0, 1],
    async run([service], values, terminal) {
      const config = configOf(terminal);
      const names = serviceNames(config, service ?? null);
      await withCore(config, async ({ store }) => {
        const isListed = ({ pulledAt }: RepositoryRecord) => values['never-pulled'] !== true || pulledAt === null;
        const listed: RepositoryRecord[] = [];
        for await (const record of recordsOf(store.repositories, names)) if (isListed(record)) listed.push(record);
        replyList(
          terminal,
          values,
          listed,
          columns,
          'No repositories are known. "dockpass repository sync" reads them.',
        );
      });
      return 0;
    },
  },
  {
    name: 'repository sync',
    usage: '[SERVICE] [--json]',
    summary: 'Read the catalog and the tags of a registry: what was pushed before events arrived, and what they missed',
    details: [
      'Needs SERVICE_<NAME>_URL. An interrupted sync continues where it stopped. What the registry no longer has is removed here only after everything was read without an error. Exits 1 if something could not be read.',
    ],
    json: {
      list: true,
      fields: {
        service: 'the registry that was read',
        total: 'repositories of its catalog',
        repositories: 'how many of them have been read',
        tags: 'that it has',
        removed: 'tags and repositories that it no longer has',
        unknown: 'repositories that could not be read',
        isResumed: 'whether it continued an interrupted sync',
        isComplete: 'whether everything was read',
        problem: 'why a repository could not be read, the last of them; or null',
      },
    },
    operands: [0, 1],
    async run([service], values, terminal) {
      const config = configOf(terminal);
      const names = serviceNames(config, service ?? null);
      const reports = await syncAll(config, names, service !== undefined, values, terminal);
      const lines = reports.map(lineOf);
      reply(terminal, values, reports, lines);
      return reports.every(({ isComplete }) => isComplete) ? 0 : 1;
    },
  },
];

const columns: readonly Column<RepositoryRecord>[] = [
  ['SERVICE', ({ service }) => service],
  ['REPOSITORY', ({ name }) => name],
  ['TAGS', ({ tags }) => String(tags)],
  ['SIZE', ({ size }) => (size === null ? '-' : sizeText(size))],
  ['PUSHED', ({ pushedAt }) => (pushedAt === null ? '-' : minuteOf(pushedAt))],
  ['BY', ({ pushedBy, pushedByKind }) => pushedBy ?? pushedByKind ?? '-'],
  ['PULLED', ({ pulledAt }) => (pulledAt === null ? '-' : minuteOf(pulledAt))],
  ['PULLS', ({ recentPulls }) => String(recentPulls)],
];

/** "12.3 MB" */
function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** @param isNamed whether a service was asked for that must then be readable */
function syncAll(
  config: Config,
  names: readonly string[],
  isNamed: boolean,
  values: Values,
  terminal: Terminal,
): Promise<SyncReport[]> {
  return withCore(config, async (core) => {
    refuseInTrial(core.trial);
    const keys = await openSigningKeys(config, core, 'command');
    const registries = openRegistries(config, keys);
    const reports: SyncReport[] = [];
    for (const service of names) {
      const registry = registries.get(service);
      if (registry === undefined) {
        if (isNamed || names.length === 1) throw unreadableService(config, service);
        note(terminal, values, `${service} is left out: ${serviceNamed(config, service).prefix}URL is not set.`);
        continue;
      }
      const show = ({ repositories, total, tags }: SyncProgress) =>
        terminal.progress(`${service}: ${repositories} of ${total} repositories, ${tags} tags`);
      const { store, audit } = core;
      const parts = { store, audit, registry, service, by: byCommandLine, now: Date.now };
      const waiting = waitingOf(config, keys, service);
      if (waiting !== null) terminal.err(waiting);
      reports.push(await syncRepositories({ ...parts, onProgress: show }));
    }
    return reports;
  });
}

/** Why a registry can refuse this command, though not the service that runs. */
function waitingOf(config: Config, keys: Keys, service: string): string | null {
  const { ring, tokenHeader } = serviceNamed(config, service);
  const waiting = keys.ring(ring).waiting(tokenHeader);
  if (waiting === null) return null;
  return `${waiting} This command signs with the new key already: if the registry refuses it, run it again after that, or press "Read catalog and tags now" on /admin/repositories, which works until then.`;
}

function unreadableService(config: Config, service: string): Refusal {
  return new Refusal(
    'bad_request',
    `Dockpass doesn't know where it reaches the registry: set ${serviceNamed(config, service).prefix}URL, for example to https://${service}.`,
  );
}

function lineOf({ service, repositories, tags, removed, unknown, isComplete, problem }: SyncReport): string {
  const read = `${service}: ${countOf(repositories, 'repository', 'repositories')}, ${countOf(tags, 'tag')}, ${removed} removed`;
  if (isComplete) return `${read}.`;
  return `${read}, ${unknown} could not be read, and what is known of them stays: ${problem ?? 'no reason'}`;
}
