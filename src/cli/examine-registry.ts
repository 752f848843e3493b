/** Owns what `dockpass doctor` does: files and settings in, findings and the right `auth:` section out. */
import { X509Certificate } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { type Core, openCore, openSigningKeys } from '../app/core.ts';
import { readRules } from '../app/policy-file.ts';
import { statusesOf } from '../app/repositories.ts';
import { workloadsSourceOf } from '../app/workloads-file.ts';
import type { Config } from '../config/config.ts';
import { type AuthSettings, formatEnvironment, formatYaml } from '../doctor/auth-block.ts';
import { judgeEvents } from '../doctor/events.ts';
import { checkPages, type DoctorParts, examine, type Report } from '../doctor/examine.ts';
import { type Finding, isProblem } from '../doctor/finding.ts';
import { createProbe } from '../doctor/probe.ts';
import { judgeTypes, parseRegistryFile, type RegistryFiles } from '../doctor/registry-file.ts';
import { sqliteFileOf } from '../lib/database-url.ts';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { checkIssuer } from '../workload/check-issuer.ts';
import { fetchText } from '../workload/fetch-text.ts';
import { type Terminal, textOf, UsageError, type Values } from './command.ts';
import { configOf, withCore } from './core.ts';
import { examineNamedProvider } from './doctor-provider.ts';
import { findingLine } from './finding-line.ts';
import { readTextFile } from './read-file.ts';
import { parseAddress } from './registry-address.ts';
import { noWorkloads } from './workload-claims.ts';

/** @returns the exit code: 1 where something is wrong */
export async function diagnose([address]: readonly string[], values: Values, terminal: Terminal): Promise<number> {
  refuseIgnored(address, values);
  if (typeof values['workload'] === 'string') return examineIssuer(values['workload'], values, terminal);
  if (typeof values['provider'] === 'string') return examineNamedProvider(values['provider'], values, terminal);
  if (address === undefined) throw new UsageError('URL is missing: give the address of the registry.');
  const registry = parseAddress(address);
  const config = configOf(terminal);
  const core = await openUsed(config);
  try {
    const parts = await openParts(config, core, values);
    const report = await examine(parts, registry);
    const provider = config.google === null ? config.oidc[0]?.name : 'google';
    const events = await eventsOf(config, core, report.service.name);
    const asksForTokens = report.findings.some(({ subject }) => subject === 'service');
    const types = parts.registryFiles === null ? [] : judgeTypes(parts.registryFiles.token, asksForTokens);
    const findings = [...report.findings, ...types, ...events.findings, ...(await checkPages(parts, provider ?? null))];
    const settings = settingsFor(config, report.service);
    const { notifications } = events;
    if (values['json'] === true)
      terminal.out(JSON.stringify({ registry: registry.href, findings, auth: settings, notifications }));
    else print(terminal, registry, findings, settings, notifications);
    return findings.some(isProblem) ? 1 : 0;
  } finally {
    await core.close();
  }
}

/** What is examined, and the options that say more about it. */
const subjects: Readonly<Record<string, readonly string[]>> = {
  URL: ['registry-config', 'registry-bundle', 'registry-jwks', 'ca'],
  '--provider': ['id-token'],
  '--workload': [],
};

/** @throws {UsageError} for what wouldn't be looked at */
function refuseIgnored(address: string | undefined, values: Values): void {
  const has = (option: string): boolean => values[option] !== undefined;
  const given = Object.keys(subjects).filter((name) => (name === 'URL' ? address !== undefined : has(name.slice(2))));
  const [subject = 'URL', other] = given;
  if (other !== undefined) throw new UsageError(`${subject} and ${other} are two checks: run one after the other.`);
  for (const [name, options] of Object.entries(subjects)) {
    const ignored = options.find((option) => name !== subject && has(option));
    if (ignored !== undefined) throw new UsageError(`--${ignored} needs ${name}.`);
  }
  const twin = ['registry-bundle', 'registry-jwks'].find(has);
  if (twin !== undefined && !has('registry-config')) throw new UsageError(`--${twin} needs --registry-config.`);
  if (values['provider'] === 'google' && has('id-token'))
    throw new UsageError("--id-token isn't for google, whose groups come from its directory.");
}

/** Whether the registry reports, and the block that makes it; nothing where no events are taken. */
async function eventsOf(
  config: Config,
  core: Core,
  name: string,
): Promise<{ findings: Finding[]; notifications: string | null }> {
  const status = (await statusesOf(config, core)).find(({ service }) => service === name);
  if (status === undefined || !status.takesEvents) return { findings: [], notifications: null };
  return { findings: [judgeEvents(status, Date.now())], notifications: status.notifications };
}

/** Whether tokens of an issuer can be verified. */
async function examineIssuer(name: string, values: Values, terminal: Terminal): Promise<number> {
  const config = configOf(terminal);
  const { workloads } = await readRules(config.policyFile, workloadsSourceOf(config));
  const issuer = workloads?.issuers.get(name);
  if (workloads === null) throw noWorkloads(config.workloads.file);
  if (issuer === undefined) {
    throw new Refusal('not_found', `${config.workloads.file} has no issuer "${name}".`);
  }
  const row = await withCore(config, ({ store }) => store.workloadIssuers.byName(name));
  const findings = await checkIssuer(workloads, issuer, row, fetchText);
  if (values['json'] === true) terminal.out(JSON.stringify({ issuer: name, findings }));
  else for (const finding of findings) terminal.out(findingLine(finding, terminal.screen));
  return findings.some(({ status }) => status !== 'right') ? 1 : 0;
}

async function openParts(config: Config, core: Core, values: Values): Promise<DoctorParts> {
  const keys = await openSigningKeys(config, core, 'command');
  const [first, ...others] = config.services.map((service) => {
    const ring = keys.ring(service.ring);
    const signers = { x5c: ring.signer('x5c'), kid: ring.signer('kid') };
    const isOwnKey = config.keyRings.some(({ name, own }) => name === service.ring && own !== null);
    return { ...service, signers, bundle: ring.bundle(), isOwnKey, waiting: ring.waiting(service.tokenHeader) };
  });
  if (first === undefined) throw new UsageError('SERVICES is empty.');
  const authorities = typeof values['ca'] === 'string' ? [await readAuthorities(values['ca'])] : [];
  return {
    probe: createProbe(authorities),
    systemProbe: authorities.length > 0 ? createProbe([]) : null,
    publicUrl: config.publicUrl,
    realm: realmOf(config),
    services: [first, ...others],
    keyIds: keys.rings.flatMap((ring) => ring.list().map(({ id }) => id)),
    registryFiles: await readRegistryFiles(values),
    now: Date.now,
  };
}

/** TLS ignores a text that holds no certificate. @throws {Refusal} */
async function readAuthorities(file: string): Promise<string> {
  const text = await readTextFile(file);
  try {
    void new X509Certificate(text);
    return text;
  } catch (cause) {
    const message = `${file} holds no certificate that can be read: PEM, from -----BEGIN CERTIFICATE----- on.`;
    throw new Refusal('bad_request', message, { cause });
  }
}

/**
 * Keys that were made here and now would prove nothing about the ones in use.
 * @throws {Refusal} `not_found` where Dockpass has not run with these settings yet
 */
async function openUsed(config: Config): Promise<Core> {
  const elsewhere = (cause?: unknown): Refusal =>
    new Refusal(
      'not_found',
      `There are no keys in ${config.dataFolder}: run the doctor with the DATA_DIR (and DATABASE_URL) of the Dockpass in use.`,
      { cause },
    );
  const file = sqliteFileOf(config.databaseUrl);
  if (file !== null) {
    await access(file).catch((cause) => {
      throw elsewhere(cause);
    });
  }
  const core = await openCore(config);
  for (const { name, own } of config.keyRings) {
    if (own !== null || (await core.store.signingKeys.ofRing(name)).length > 0) continue;
    await core.close();
    throw elsewhere();
  }
  return core;
}

function realmOf({ publicUrl, prefix }: Config): URL {
  return new URL(`${prefix}/auth`, publicUrl);
}

async function readRegistryFiles(values: Values): Promise<RegistryFiles | null> {
  const { 'registry-config': file } = values;
  if (typeof file !== 'string') return null;
  const text = await readTextFile(file);
  try {
    const token = parseRegistryFile(text);
    const read = async (option: string, path = ''): Promise<string | null> => {
      const given = textOf(values, option);
      return given === null ? readFile(path, 'utf8').catch(() => null) : readTextFile(given);
    };
    const bundle = await read('registry-bundle', token.rootcertbundle);
    return { token, bundle, jwks: await read('registry-jwks', token.jwks) };
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal('bad_request', `${file}: ${errorMessage(cause)}`, { cause });
  }
}

function settingsFor(config: Config, { name, issuer }: Report['service']): AuthSettings {
  const service = config.services.find((candidate) => candidate.name === name);
  const ring = config.keyRings.find((candidate) => candidate.name === (service?.ring ?? ''));
  const { bundleFile = '', jwksFile = '' } = ring ?? {};
  const trust = service?.tokenHeader === 'kid' ? { jwks: jwksFile } : { rootcertbundle: bundleFile };
  return { realm: realmOf(config).href, service: name, issuer, ...trust };
}

function print(
  terminal: Terminal,
  registry: URL,
  findings: readonly Finding[],
  settings: AuthSettings,
  notifications: string | null,
): void {
  terminal.out(`${registry.href}\n`);
  for (const finding of findings) terminal.out(findingLine(finding, terminal.screen));
  const good = !findings.some(isProblem);
  terminal.out(
    `\n${good ? 'Everything matches. ' : ''}The registry's auth: section, in place of any other${'jwks' in settings ? ', for 3.x' : ', for 2.8 and 3.x alike'}:\n`,
  );
  terminal.out(formatYaml(settings));
  terminal.out(`\nor by environment:\n\n${formatEnvironment(settings)}`);
  if (notifications !== null) terminal.out(`\nTo report who pushes and pulls:\n\n${notifications}`);
  terminal.err(
    `\n${'jwks' in settings ? 'jwks' : 'rootcertbundle'} is the file that Dockpass writes, at the path where the registry sees it; it is read once, at its start.`,
  );
}
