/** Owns how one setting is read from the environment: its text, its `_FILE` twin, its form, and what is wrong with it. */

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isDomain, normalizeDomain } from '../lib/domain.ts';
import { errorCode } from '../lib/errors.ts';
import { nearestWord } from '../lib/nearest-word.ts';
import { isServiceLink } from './service-links.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads settings one by one and gathers every mistake instead of stopping at the first. */
export type Settings = {
  /** The text, or `fallback`; an empty value counts as not set. Without a fallback the setting is required. */
  text(name: string, fallback?: string): string;
  optional(name: string): string | null;
  /** Absolute: a relative path counts from the folder of the .env file, and without one from the working folder. */
  path(name: string, fallback: string): string;
  optionalPath(name: string): string | null;
  absolute(path: string): string;
  /** What `path`, `optionalPath` and `secret` were asked for, by setting: the files as absolute paths. */
  readonly files: ReadonlyMap<string, string>;
  /** From `NAME` or from the file that `NAME_FILE` names, without the line end. */
  secret(name: string, options?: { required?: boolean; minimumLength?: number }): string | null;
  /** Whether a secret is set, also where its file can't be read, which is a mistake of its own. */
  isSecretSet(name: string): boolean;
  integer(name: string, range: { fallback: number; minimum: number; maximum: number }): number;
  flag(name: string, fallback: boolean): boolean;
  choice<Choice extends string>(name: string, choices: readonly Choice[], fallback: Choice): Choice;
  /** Comma-separated, trimmed, without empty items. */
  list(name: string): string[];
  /** A list of domains, as they're compared: `*.example.com`, `@example.com` and quotes would silently match no one. */
  domains(name: string): string[];
  /** A list of addresses. */
  emails(name: string): string[];
  url(name: string, fallback?: string): URL;
  problem(message: string): void;
  /** Reports variables whose name is nearly that of a setting: they would silently not count. */
  refuseMisspelt(): void;
  readonly problems: readonly string[];
};

/** Names the .env file to read, where that isn't `.env` in the working folder. */
export const envFileSetting = 'DOCKPASS_ENV_FILE';

/** What relative paths count from. */
export function baseFolder(environment: Environment): string {
  const file = environment[envFileSetting]?.trim();
  return file ? dirname(resolve(file)) : process.cwd();
}

const hint = 'commas separate several, without quotes or patterns';

export function createSettings(environment: Environment): Settings {
  const base = baseFolder(environment);
  const problems: string[] = [];
  const problem = (message: string): void => {
    problems.push(message);
  };
  const asked = new Set<string>([envFileSetting]);
  const optional = (name: string): string | null => {
    asked.add(name);
    return environment[name]?.trim() || null;
  };

  const files = new Map<string, string>();
  const fileOf = (name: string, path: string): string => {
    const file = resolve(base, path);
    files.set(name, file);
    return file;
  };

  const settings: Settings = {
    files,
    problems,
    problem,
    optional,
    absolute: (path) => resolve(base, path),
    path: (name, fallback) => fileOf(name, optional(name) ?? fallback),
    optionalPath(name) {
      const path = optional(name);
      return path === null ? null : fileOf(name, path);
    },
    refuseMisspelt() {
      const names = Object.entries(environment)
        .filter(([name, value]) => name.length >= 8 && !asked.has(name) && !isServiceLink(name, value))
        .map(([name]) => name);
      for (const name of names) {
        const meant = nearestWord(name, [...asked], 2);
        if (meant !== null) problem(`${name} is not a setting; did you mean ${meant}?`);
      }
    },
    text(name, fallback) {
      const value = optional(name) ?? fallback;
      if (value === undefined) problem(`${name} is required`);
      return value ?? '';
    },
    secret(name, { required = false, minimumLength = 1 } = {}) {
      asked.add(name);
      settings.optionalPath(`${name}_FILE`);
      const value = readSecret(environment, name, problem);
      if (required && !settings.isSecretSet(name)) problem(`${name} or ${name}_FILE is required`);
      if (value !== null && value.length < minimumLength) {
        problem(
          `${name} is too short: give at least ${minimumLength} random characters, as \`openssl rand -base64 32\` does`,
        );
      }
      return value;
    },
    isSecretSet: (name) => optional(name) !== null || optional(`${name}_FILE`) !== null,
    integer(name, { fallback, minimum, maximum }) {
      const text = optional(name);
      if (text === null) return fallback;
      const value = Number(text);
      if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
      problem(`${name} must be a whole number from ${minimum} to ${maximum}, not "${text}"`);
      return fallback;
    },
    flag: (name, fallback) => settings.choice(name, ['true', 'false'], fallback ? 'true' : 'false') === 'true',
    choice(name, choices, fallback) {
      const text = optional(name) ?? fallback;
      const found = choices.find((choice) => choice === text);
      if (found === undefined) problem(`${name} must be one of ${choices.join(', ')}, not "${text}"`);
      return found ?? fallback;
    },
    list: (name) =>
      (optional(name) ?? '')
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    domains(name) {
      const domains = settings.list(name);
      for (const domain of domains.filter((one) => !isDomain(one))) {
        problem(`${name}: ${domain} is not a domain such as example.com; ${hint}`);
      }
      return domains.map(normalizeDomain);
    },
    emails(name) {
      const emails = settings.list(name);
      for (const email of emails.filter((one) => !isEmailAddress(one))) {
        problem(`${name}: ${email} is not an address such as ana@example.com; ${hint}`);
      }
      return emails;
    },
    url(name, fallback) {
      const text = settings.text(name, fallback);
      const url = URL.parse(text);
      if (url !== null && (url.protocol === 'https:' || url.protocol === 'http:')) return url;
      if (text !== '') problem(`${name} must be an absolute URL such as https://auth.example.com, not "${text}"`);
      return new URL('http://localhost');
    },
  };
  return settings;
}

function readSecret(environment: Environment, name: string, problem: (message: string) => void): string | null {
  const value = environment[name]?.trim() || null;
  const file = environment[`${name}_FILE`]?.trim() || null;
  if (file === null) return value;
  if (value !== null) problem(`${name} and ${name}_FILE are both set: keep one`);
  try {
    const content = readFileSync(resolve(baseFolder(environment), file), 'utf8').trim();
    if (content === '') problem(`${name}_FILE: ${file} is empty`);
    return content || null;
  } catch (error) {
    problem(`${name}_FILE: ${file} cannot be read (${errorCode(error)})`);
    return null;
  }
}

export const isEmailAddress = (text: string): boolean => /^[^\s"<>;@]+@[^\s"'<>;@]+$/.test(text);

/** http is for this machine alone; elsewhere it would show passwords to the network. */
export function isLoopback(url: URL): boolean {
  return /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
}
