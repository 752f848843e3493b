/** Owns the questions of `dockpass init`, and how their answers are read: from options, or from the person, until each is right. */
import { Refusal } from '../lib/errors.ts';
import { fieldsIn, parseFields } from '../lib/json.ts';
import { missingOptions, type Terminal, textOf, textsOf, UsageError, type Values } from './command.ts';
import { checkAdmins, checkDomains, checkServices, checkSettings, inAnswers } from './init-checks.ts';
import type { Answers } from './init-files.ts';
import type { Ask } from './prompt.ts';
import { readTextFile } from './read-file.ts';
import { readLines } from './read-lines.ts';

type Question = {
  readonly option: string;
  readonly text: string;
  /** Commas separate several answers. */
  readonly isList?: boolean;
  /** '': no answer is needed. */
  readonly fallback?: string;
  /** What is wrong. @param issuer as in `Answers` */
  check?(answers: readonly string[], issuer: string | null): string[];
};

const questions = {
  publicUrl: {
    option: 'public-url',
    text: 'Where will people and registries reach Dockpass? (https://auth.example.com)',
    check: ([publicUrl = '']) => checkSettings({ publicUrl }),
  },
  services: {
    option: 'service',
    text: 'What will people give to docker login? (registry.example.com)',
    isList: true,
    check: checkServices,
  },
  admins: { option: 'admin', text: 'E-mail addresses of the administrators', isList: true, check: checkAdmins },
  domains: {
    option: 'domain',
    text: 'E-mail domains whose people can sign in and pull (example.com)',
    isList: true,
    check: checkDomains,
  },
  googleClientId: {
    option: 'google-client-id',
    text: 'Google OAuth client ID (leave empty to set it up later)',
    fallback: '',
  },
  proxy: {
    option: 'trusted-proxy',
    text: 'IP address your TLS proxy connects from',
    fallback: '127.0.0.1',
    check: ([proxy = '']) => checkSettings({ proxy }),
  },
} satisfies Record<string, Question>;

/**
 * @throws {UsageError} that names all that is missing, if no one can be asked
 * @throws {Refusal} with what is wrong with the options, before anything is asked
 */
export async function readAnswers(values: Values, terminal: Terminal): Promise<Answers> {
  refuseIgnored(values, terminal);
  const issuer = textOf(values, 'oidc-issuer');
  const problems = [
    ...Object.values(questions).flatMap((question) => problemsOfOption(question, values, issuer)),
    ...(issuer === null ? [] : checkSettings({ issuer })),
  ];
  if (problems.length > 0) throw new Refusal('bad_request', [...problems, 'Nothing was written.'].join('\n'));

  if (terminal.ask === undefined) refuseMissing(values, issuer);

  const askList = (question: Question) => readAnswer(question, values, terminal, issuer);
  const ask = async (question: Question) => (await askList(question))[0] ?? '';
  const publicUrl = await ask(questions.publicUrl);
  const services = await askList(questions.services);
  const admins = await askList(questions.admins);
  const domains = await askList(questions.domains);
  const clientId = await ask(
    issuer === null ? questions.googleClientId : { option: 'oidc-client-id', text: `Client ID at ${issuer}` },
  );
  const clientSecret = clientId === '' ? '' : await readSecret(values, terminal, clientId);
  const proxy = /^https:/i.test(publicUrl) ? await ask(questions.proxy) : null;
  return { publicUrl, services, admins, domains, issuer, clientId, clientSecret, proxy };
}

/** @throws {UsageError} where an option would be without effect */
function refuseIgnored(values: Values, terminal: Terminal): void {
  const has = (option: string) => textOf(values, option) !== null;
  if (has('oidc-client-id') && !has('oidc-issuer')) throw new UsageError('--oidc-client-id needs --oidc-issuer.');
  if (has('google-client-id') && has('oidc-issuer')) {
    throw new UsageError('Give either --google-client-id or --oidc-issuer.');
  }
  const isClientKnown = has('google-client-id') || has('oidc-issuer') || terminal.ask !== undefined;
  if (has('client-secret-file') && !isClientKnown) {
    throw new UsageError('--client-secret-file needs --google-client-id or --oidc-issuer.');
  }
}

/** @throws {UsageError} with every option that is missing, where no one can be asked */
function refuseMissing(values: Values, issuer: string | null): void {
  const needed = Object.values<Question>(questions).filter(({ fallback }) => fallback === undefined);
  const isGiven = (option: string) => itemsOf(textsOf(values, option)).length > 0;
  const options = [
    ...needed.map(({ option }) => option),
    ...(issuer === null ? [] : ['oidc-client-id']),
    ...(issuer !== null || isGiven('google-client-id') ? ['client-secret-file'] : []),
  ];
  const missing = options.filter((option) => !isGiven(option));
  if (missing.length > 0) throw missingOptions(missing);
}

function problemsOfOption({ option, isList, check }: Question, values: Values, issuer: string | null): string[] {
  const given = itemsOf(textsOf(values, option), isList);
  return given.length === 0 ? [] : (check?.(given, issuer) ?? []);
}

function itemsOf(texts: readonly string[], isList = false): string[] {
  const items = isList ? texts.flatMap((text) => text.split(',')) : texts;
  return items.map((item) => item.trim()).filter((item) => item !== '');
}

async function readAnswer(
  question: Question,
  values: Values,
  terminal: Terminal,
  issuer: string | null,
): Promise<string[]> {
  const { option, isList, fallback } = question;
  const items = itemsOf(textsOf(values, option), isList);
  if (items.length > 0) return items;
  if (terminal.ask !== undefined) return askUntilRight(question, terminal.ask, terminal, issuer);
  return fallback === undefined ? [] : [fallback]; // what is needed is there, by refuseMissing
}

async function askUntilRight(
  question: Question,
  ask: Ask,
  terminal: Terminal,
  issuer: string | null,
): Promise<string[]> {
  const { text, isList, fallback, check } = question;
  for (;;) {
    const items = itemsOf([(await ask(text, { fallback })) ?? ''], isList);
    if (items.length === 0 && fallback === '') return [];
    const problems = items.length === 0 ? [unanswered] : (check?.(items, issuer) ?? []);
    if (problems.length === 0) return items;
    for (const problem of problems) terminal.err(inAnswers(problem));
    if (isList && items.some((item) => /^[^<]+\s[^<]+$/.test(item))) terminal.err('Commas separate several.');
  }
}

const unanswered = 'This needs an answer.';

/** From a file, standard input or a hidden prompt: an argument would be in the process list and the shell's history. */
async function readSecret(values: Values, terminal: Terminal, clientId: string): Promise<string> {
  const file = textOf(values, 'client-secret-file');
  if (file !== null) {
    const secret = file === '-' ? await readFirstLine(terminal) : await readTextFile(file);
    if (secret.trim() === '') throw new Refusal('bad_request', '--client-secret-file is empty. Nothing was written.');
    return secretIn(secret.trim(), clientId);
  }
  if (terminal.ask === undefined) throw new UsageError('--client-secret-file is missing.');
  for (;;) {
    const given = await terminal.ask('Its client secret', { hidden: true });
    if (given !== undefined) return given;
    terminal.err(unanswered);
  }
}

/** Of the file that Google's console offers beside a client, what is meant. Anything else is the secret itself. */
function secretIn(text: string, clientId: string): string {
  const { web, installed } = parseFields(text);
  const { client_id: client, client_secret: secret } = fieldsIn(web ?? installed);
  if (typeof secret !== 'string') return text;
  if (client === clientId) return secret;
  const message = `--client-secret-file is of another client: ${String(client)}, not ${clientId}. Nothing was written.`;
  throw new Refusal('bad_request', message);
}

async function readFirstLine(terminal: Terminal): Promise<string> {
  for await (const [line] of readLines(terminal.input)) if (line !== undefined) return line;
  return '';
}
