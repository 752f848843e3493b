/** Owns what is wrong with an answer to `dockpass init`, in the words of its options: "--domain: ...", "--service must ...". */
import { parseEnv } from 'node:util';
import { ConfigError, readConfig } from '../config/config.ts';
import { isEmailAddress } from '../config/settings.ts';
import { capitalized } from '../lib/capitalized.ts';
import { isDomain } from '../lib/domain.ts';
import { type Answers, environmentFile } from './init-files.ts';

/** @param issuer of the provider whose domains they are; null: Google, at which some would let no one in */
export function checkDomains(domains: readonly string[], issuer: string | null): string[] {
  const problems = domains.flatMap((domain) => {
    if (isDomain(domain)) return [];
    const rest = domain.replace(/^@/, '');
    if (isDomain(rest)) return [`--domain: leave out the "@": ${rest}`];
    return [`--domain: "${domain}" isn't a domain such as example.com.`];
  });
  return problems.length > 0 || issuer !== null ? problems : checkSettings({ domains });
}

export function checkAdmins(admins: readonly string[]): string[] {
  return admins.flatMap((admin) => {
    if (isEmailAddress(admin)) return [];
    const within = /<([^<>]*)>$/.exec(admin)?.[1] ?? '';
    if (isEmailAddress(within)) return [`--admin: "${admin}" isn't an e-mail address. Give only ${within}.`];
    return [`--admin: "${admin}" isn't an e-mail address such as ana@example.com.`];
  });
}

export function checkServices(services: readonly string[]): string[] {
  const problems = services
    .filter((service) => /[\s/]/.test(service))
    .map((service) => {
      const scheme = /^\w+:\/\//.exec(service)?.[0];
      const hint = scheme === undefined ? '' : `, without ${scheme}`;
      return `--service must be what follows "docker login", such as registry.example.com:5000${hint}. Not "${service}".`;
    });
  return problems.length > 0 ? problems : checkSettings({ services });
}

/** What the service would say of this answer, if all others were right. */
export function checkSettings(answer: Partial<Answers>): string[] {
  try {
    readConfig({ ...parseEnv(environmentFile({ ...example, ...answer })) });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(inOptions);
    throw error;
  }
}

const example: Answers = {
  ...{
    publicUrl: 'https://auth.example.com',
    services: ['registry.example.com'],
    admins: [],
    domains: ['example.com'],
  },
  ...{ issuer: null, clientId: 'id', clientSecret: 'secret', proxy: '127.0.0.1' },
};

const optionNames: Readonly<Record<string, string>> = {
  PUBLIC_URL: '--public-url',
  SERVICES: '--service',
  ADMIN_EMAILS: '--admin',
  TRUSTED_PROXIES: '--trusted-proxy',
  GOOGLE_CLIENT_ID: '--google-client-id',
  GOOGLE_DOMAINS: '--domain',
  OIDC_SSO_ISSUER: '--oidc-issuer',
  OIDC_SSO_CLIENT_ID: '--oidc-client-id',
  OIDC_SSO_DOMAINS: '--domain',
};

/** Who runs `init` has seen options and questions, not the names of settings. */
export const inOptions = (problem: string): string =>
  problem.replaceAll(/\b[A-Z_]+\b/g, (name) => optionNames[name] ?? name);

/** To someone who answers a question, without the name of the option. */
export const inAnswers = (problem: string): string =>
  capitalized(problem.replace(/^--[\w-]+: /, '').replace(/^--[\w-]+ /, 'It '));
