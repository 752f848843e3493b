/** Owns the reading of a registry's own configuration of tokens: its file, its environment, or whatever starts it. */
import { parse, parseAllDocuments } from 'yaml';
import { fieldsIn, isRecord } from '../lib/json.ts';
import { type Finding, unknown, wrong } from './finding.ts';

/** `auth.token` of distribution's configuration; what is absent is undefined. */
export type RegistryFile = {
  readonly realm?: string;
  readonly service?: string;
  readonly issuer?: string;
  readonly rootcertbundle?: string;
  readonly jwks?: string;
  /** 3.x: the only ones that it takes. */
  readonly signingalgorithms?: readonly string[];
  /** It names itself as the realm, whatever `realm` says. */
  readonly autoredirect?: boolean;
  /** Another type of `auth`, in place of `token` or beside it: "htpasswd". */
  readonly otherType?: string;
};

/** The file and those that it names; `null`: cannot be read here. */
export type RegistryFiles = {
  readonly token: RegistryFile;
  readonly bundle: string | null;
  readonly jwks: string | null;
};

/**
 * @param text of config.yml, of a compose file, a Kubernetes manifest, a script or unit that runs a container, or what `env` prints
 *   where the registry runs
 * @throws {Error} that says what to give instead
 */
export function parseRegistryFile(text: string): RegistryFile {
  const found = variablesOf(linesOf(text)) ?? fromYaml(text) ?? fromWords(text);
  if (found !== null) return found;
  const [mistake] = documentsIn(text).flatMap(({ errors }) => errors);
  throw mistake ?? new Error('it has neither an auth.token section nor REGISTRY_AUTH_TOKEN_ variables');
}

/** What a registry's `auth` can hold (distribution, registry/auth); another file's `auth` is none of its. */
const authTypes: readonly string[] = ['token', 'htpasswd', 'silly', 'none'];

function documentsIn(text: string) {
  return [...parseAllDocuments(text, { merge: true, logLevel: 'silent' })];
}

/** @returns null for what isn't YAML, or has nothing of it */
function fromYaml(text: string): RegistryFile | null {
  const documents = documentsIn(text);
  if (documents.some(({ errors }) => errors.length > 0)) return null;
  const values: unknown[] = documents.map((document) => document.toJS());
  for (const value of values) {
    const { services, auth } = fieldsIn(value);
    if (isRecord(services)) return fromCompose(services);
    const types = Object.keys(fieldsIn(auth)).filter((type) => authTypes.includes(type));
    if (types.length > 0) return withOtherType(toRegistryFile(fieldsIn(fieldsIn(auth)['token'])), types);
  }
  return fromManifests(values);
}

/** The environment of a container in a Kubernetes manifest, or a config.yml in one of its maps of texts. */
function fromManifests(values: readonly unknown[]): RegistryFile | null {
  const within = values.flatMap(allWithin);
  const assignments = within.map(fieldsIn).flatMap(({ name, value }) => {
    return typeof name === 'string' && isOfAuth(`${name}=${value}`) && value !== undefined ? [`${name}=${value}`] : [];
  });
  const texts = within.filter((one) => typeof one === 'string').filter((one) => /^auth:/m.test(one));
  return variablesOf(assignments) ?? texts.map(fromYaml).find((one) => one !== null) ?? null;
}

/** The value and every one inside it. */
function allWithin(value: unknown): unknown[] {
  const inner = Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : [];
  return [value, ...inner.flatMap(allWithin)];
}

/** The assignments of a shell script, a `docker run` line or a systemd unit. */
function fromWords(text: string): RegistryFile | null {
  const assignments = wordsOf(text).filter(isOfAuth);
  const unfilled = assignments.find((assignment) => isOfToken(assignment) && isUnfilled(assignment));
  if (unfilled !== undefined)
    throw new Error(`${unfilled} is filled in when it is started: ${askFor('docker exec NAME env')}`);
  return variablesOf(assignments);
}

/** What `env` prints: a variable a line, its value as it is. */
function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter(isOfAuth);
}

function isOfToken(assignment: string): boolean {
  return assignment.startsWith('REGISTRY_AUTH_TOKEN_');
}

/** Whether it says how the registry asks for passwords or tokens; REGISTRY_AUTH=token says nothing that others don't. */
function isOfAuth(assignment: string): boolean {
  return isOfToken(assignment) || /^REGISTRY_AUTH(?:_[A-Z]+_\w+=|=(?!token$)\w+$)/.test(assignment);
}

/** The words of a shell command, lines that are continued included, without their quotes and options. */
function wordsOf(text: string): string[] {
  const words = text.replaceAll(/\\\r?\n/g, ' ').match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/gs) ?? [];
  return words.map((word) =>
    word
      .replaceAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/gs, (_, double, single, escaped) =>
        double === undefined ? (single ?? escaped) : double.replaceAll(/\\(["\\$`])/g, '$1'),
      )
      .replace(/^(?:-e|--env|Environment)=?(?=REGISTRY_)/, ''),
  );
}

/** @returns null where there are none */
function variablesOf(assignments: readonly string[]): RegistryFile | null {
  const found = assignments.flatMap((assignment) => {
    const [, name, value = ''] = /^REGISTRY_AUTH_TOKEN_([A-Z]+)=(.*)$/s.exec(assignment) ?? [];
    // As the registry does, which takes each value for YAML (distribution, configuration/parser.go).
    return name === undefined ? [] : [[name.toLowerCase(), parse(value)] as const];
  });
  const types = assignments.flatMap((assignment) => {
    const [, type = '', only = ''] = /^REGISTRY_AUTH(?:_([A-Z]+)_|=(\w+)$)/.exec(assignment) ?? [];
    return (type || only).toLowerCase() || [];
  });
  return types.length === 0 ? null : withOtherType(toRegistryFile(Object.fromEntries(found)), types);
}

/** @param types that its `auth` has */
function withOtherType(file: RegistryFile, types: readonly string[]): RegistryFile {
  const otherType = types.find((type) => type !== 'token');
  return { ...file, ...(otherType !== undefined && { otherType }) };
}

/** What another type of `auth` means. @param asksForTokens whether the registry that runs does */
export function judgeTypes({ otherType, ...token }: RegistryFile, asksForTokens: boolean): Finding[] {
  if (otherType === undefined) return [];
  const has = `The file has auth.${otherType}`;
  if (asksForTokens) {
    return [
      unknown(
        'auth',
        `${has}, and the registry that runs asks for tokens: it is another registry's file, or the environment says otherwise. Give what \`env\` prints in its container.`,
      ),
    ];
  }
  const problem =
    Object.keys(token).length === 0
      ? `${has}: put the section below in its place`
      : `${has} beside auth.token, and a registry takes only one type: keep only the section below`;
  return [wrong('auth', `${problem}, and restart the registry.`)];
}

/** The environment of the one service that is a registry, in either form that compose has. */
function fromCompose(services: Readonly<Record<string, unknown>>): RegistryFile {
  const found = Object.entries(services).flatMap(([name, service]) => {
    const { environment } = fieldsIn(service);
    const list = isRecord(environment)
      ? Object.entries(environment).map(([key, value]) => (value === null ? key : `${key}=${value}`))
      : Array.isArray(environment)
        ? environment.map(String)
        : [];
    const assignments = list.filter(isOfAuth);
    return assignments.length === 0 ? [] : [{ name, assignments }];
  });
  const [first, ...others] = found;
  const ask = (name: string): string => askFor(`docker compose exec ${name} env`);
  if (first === undefined) {
    throw new Error(
      `this compose file sets no REGISTRY_AUTH_TOKEN_ variables: give the config.yml that its registry mounts, or ${ask('REGISTRY').slice(5)}`,
    );
  }
  if (others.length > 0) {
    throw new Error(
      `this compose file has several registries (${found.map(({ name }) => name).join(', ')}): ${ask('NAME')}`,
    );
  }
  // A name alone is passed on from where compose runs.
  const unfilled = first.assignments.find(
    (assignment) => isOfToken(assignment) && (isUnfilled(assignment) || !assignment.includes('=')),
  );
  if (unfilled !== undefined) throw new Error(`${unfilled} is filled in when it is started: ${ask(first.name)}`);
  return variablesOf(first.assignments.map((assignment) => assignment.replaceAll('$$', '$'))) ?? {};
}

/** Whether a value has a variable of the shell or of compose. */
function isUnfilled(assignment: string): boolean {
  return /(?<!\$)\$(?:\{|[A-Za-z_])/.test(assignment);
}

function askFor(command: string): string {
  return `give what \`${command}\` prints`;
}

function toRegistryFile(token: Readonly<Record<string, unknown>>): RegistryFile {
  const texts = (['realm', 'service', 'issuer', 'rootcertbundle', 'jwks'] as const).flatMap((name) => {
    const value = token[name];
    return value === undefined || value === null ? [] : [[name, String(value)] as const];
  });
  const { signingalgorithms: algorithms, autoredirect } = token;
  return {
    ...Object.fromEntries(texts),
    ...(Array.isArray(algorithms) && { signingalgorithms: algorithms.map(String) }),
    ...(autoredirect === true && { autoredirect }),
  };
}
