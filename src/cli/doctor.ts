/** Owns `dockpass doctor`: files and settings in, findings and the right `auth:` section out. */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, readConfig } from '../config/config.ts';
import { type AuthSettings, formatEnvironment, formatYaml } from '../doctor/auth-block.ts';
import { checkPages, type DoctorParts, examine, type Report } from '../doctor/examine.ts';
import type { Finding } from '../doctor/finding.ts';
import { createProbe } from '../doctor/probe.ts';
import { parseRegistryFile, type RegistryFiles } from '../doctor/registry-file.ts';
import { Refusal } from '../errors.ts';
import { openKeys } from '../token/keys.ts';
import { type Command, type Terminal, UsageError, type Values } from './command.ts';

export const doctorCommands: readonly Command[] = [
  {
    words: 'doctor',
    usage: 'URL [--registry-config FILE] [--registry-bundle FILE] [--ca FILE] [--json]',
    summary: 'Ask a registry whether it and Dockpass fit, and say which setting is wrong',
    details: [
      'Run it where Dockpass runs, with its settings: it shows the registry tokens signed with the keys in DATA_DIR. They',
      'allow nothing, but for one that begins an upload to dockpass-doctor/probe and cancels it. Exits 1 when something is wrong.',
      "  --registry-config FILE   the registry's config.yml, where it can be read: says more where the registry itself does not",
      '  --registry-bundle FILE   its rootcertbundle, where the path in that file is not the path here',
      '  --ca FILE                PEM certificates to trust beside those of the system',
    ],
    options: {
      'registry-config': { type: 'string' },
      'registry-bundle': { type: 'string' },
      ca: { type: 'string' },
      json: { type: 'boolean' },
    },
    operands: [1, 1],
    async run([address = ''], values, terminal) {
      const registry = parseAddress(address);
      const config = readConfig({ ...terminal.environment, LOG_LEVEL: 'silent' });
      const parts = await openParts(config, values);
      const report = await examine(parts, registry);
      const provider = config.google === null ? config.oidc[0]?.name : 'google';
      const findings = [...report.findings, ...(await checkPages(parts, provider ?? null))];
      const settings = settingsFor(config, report.service);
      if (values['json'] === true) terminal.out(JSON.stringify({ registry: registry.href, findings, auth: settings }));
      else print(terminal, registry, findings, settings);
      return findings.some(({ verdict }) => verdict !== 'right') ? 1 : 0;
    },
  },
];

/** `registry.example.com`, `localhost:5000`, `https://registry.example.com`: without a scheme as Docker takes it. */
function parseAddress(address: string): URL {
  const loopback = /^(localhost|127\.[\d.]+|\[::1\])(:|\/|$)/.test(address);
  const url = URL.parse(/^https?:\/\//.test(address) ? address : `${loopback ? 'http' : 'https'}://${address}`);
  if (url === null) throw new UsageError(`"${address}" is no address such as https://registry.example.com`);
  return new URL('/', url);
}

async function openParts(config: Config, values: Values): Promise<DoctorParts> {
  const folder = join(config.dataFolder, 'keys');
  // Keys that were made here and now would prove nothing about the ones in use.
  await access(folder).catch((cause) => {
    throw new Refusal(
      'not_found',
      `There are no keys in ${folder}: run the doctor with the DATA_DIR of the Dockpass in use.`,
      { cause },
    );
  });
  const keys = await openKeys({ folder, bundleFile: config.certificateBundleFile, now: Date.now });
  const authorities = typeof values['ca'] === 'string' ? [await readText(values['ca'])] : [];
  return {
    probe: createProbe(authorities),
    publicUrl: config.publicUrl,
    realm: realmOf(config),
    services: config.services,
    signer: keys.signer,
    keyIds: (keys.jwks.keys as readonly { kid: string }[]).map(({ kid }) => kid),
    bundle: keys.bundle,
    registryFiles: await readRegistryFiles(values),
    now: Date.now,
  };
}

function realmOf({ publicUrl, prefix }: Config): URL {
  return new URL(`${prefix}/auth`, publicUrl);
}

async function readRegistryFiles(values: Values): Promise<RegistryFiles | null> {
  const { 'registry-config': file, 'registry-bundle': bundleFile } = values;
  if (typeof file !== 'string') return null;
  const text = await readText(file);
  try {
    const token = parseRegistryFile(text);
    const path = typeof bundleFile === 'string' ? bundleFile : (token.rootcertbundle ?? '');
    return { token, bundle: await readFile(path, 'utf8').catch(() => null) };
  } catch (cause) {
    throw new Refusal('bad_request', `${file}: ${(cause as Error).message}`, { cause });
  }
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Refusal('bad_request', `${file} cannot be read (${cause.code}).`, { cause });
  });
}

function settingsFor(config: Config, service: Report['service']): AuthSettings {
  const { name, issuer } = service;
  return { realm: realmOf(config).href, service: name, issuer, rootcertbundle: config.certificateBundleFile };
}

const words = { right: 'right', wrong: 'WRONG', unknown: '?' } as const;

function print(terminal: Terminal, registry: URL, findings: readonly Finding[], settings: AuthSettings): void {
  terminal.out(`${registry.href}\n`);
  for (const { verdict, subject, message } of findings) {
    terminal.out(`  ${words[verdict].padEnd(6)} ${subject.padEnd(15)} ${message}`);
  }
  const good = findings.every(({ verdict }) => verdict === 'right');
  terminal.out(
    `\n${good ? 'The registry and Dockpass fit. Its' : "The registry's"} auth: section, for 2.8 and 3.x alike:\n`,
  );
  terminal.out(formatYaml(settings));
  terminal.out(`\nor by environment:\n\n${formatEnvironment(settings)}`);
  terminal.note(
    '\nrootcertbundle is the file that Dockpass writes, at the path where the registry sees it; it is read once, at its start.',
  );
}
