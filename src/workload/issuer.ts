/** Owns one issuer of the workloads file: who signs, for which audience, with which keys. */
import { type Entry, type Place, type Reader, suggest, type Value } from '../policy/reader.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { algorithms, type Preset, type PresetName, presetNames, presetOf } from './preset.ts';

/** Where the keys of an issuer are. Paths are as written, relative to the workloads file. */
export type KeySource =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'url'; readonly url: string; readonly caFile: string | null }
  | { readonly kind: 'discovery'; readonly caFile: string | null };

export type Issuer = {
  /** As the file calls it, and as a user name can choose it. */
  readonly name: string;
  readonly preset: Preset;
  /** Compared letter by letter with `iss`. */
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly keys: KeySource;
  /** Seconds since `iat` for which a token counts. */
  readonly maximumAge: number;
  /** Whether tokens can only be exchanged, and not be used as a password. */
  readonly exchangeOnly: boolean;
  readonly singleUse: boolean;
  /** The only services that it's for, or `null`. */
  readonly services: readonly string[] | null;
  readonly place: Place;
};

/** What of the installation the file must agree with. */
export type IssuerContext = {
  /** The default audience: the public URL. */
  readonly audience: string;
  /** Client ids at sign-in providers: an ID token of a person must never count as one of a workload. */
  readonly clientIds: readonly string[];
  /** `null`: not known here, so any name is taken. */
  readonly services: readonly string[] | null;
};

const fields = [
  ...['preset', 'issuer', 'audience', 'algorithms', 'jwks_file', 'jwks_url', 'ca_file', 'max_age', 'exchange'],
  ...['single_use', 'services'],
] as const;

/** Seconds. */
const defaultAge = 3_600;
/** Seconds that a token must still have: clients take a shorter life for 60 (distribution, token.md). */
export const minimumRest = 60;
/** Seconds: what `max_age` can be. */
export const ages = { minimum: 60, maximum: 86_400 };

/** The user name that stands for whichever issuer a token names. */
export const anyIssuer = 'oidc';

export function readIssuers(reader: Reader, value: Value, context: IssuerContext): Map<string, Issuer> {
  const issuers = new Map<string, Issuer>();
  for (const entry of reader.entries(value)) {
    const issuer = readIssuer(reader, entry, context);
    if (issuer !== null) issuers.set(entry.key, issuer);
  }
  return issuers;
}

/** The fields of a map: one that is left empty isn't the same as its default, which is often wider. */
export function readFilled<Key extends string>(
  reader: Reader,
  value: Value,
  known: readonly Key[],
): Partial<Record<Key, Value>> {
  return reader.fields(value, known, ({ key, keyPlace }) => reader.report(keyPlace, `${key} is empty`));
}

/** A text or a list of them, with one at least. */
function readSome(reader: Reader, value: Value): ReturnType<Reader['texts']> {
  const texts = reader.texts(value);
  if (texts.length === 0) reader.report(value.place, `${value.path} has no value`);
  return texts;
}

function readIssuer(reader: Reader, { key: name, keyPlace, value }: Entry, context: IssuerContext): Issuer | null {
  checkName(reader, name, keyPlace);
  const given = value ? readFilled(reader, value, fields) : {};
  const preset = readPreset(reader, given.preset, keyPlace, name);
  if (preset === null) return null;
  const issuer = readIss(reader, given.issuer, preset, keyPlace);
  const audience = given.audience ? readAudience(reader, given.audience, context) : context.audience;
  if (isOwnersUrl(audience, preset, issuer)) {
    const message = `audience "${audience}" is what this issuer writes into tokens for every service, where an owner has that name: choose another, outside of its host`;
    reader.report(given.audience?.place ?? keyPlace, message);
  }
  return {
    ...{ name, preset, issuer, audience },
    algorithms: given.algorithms ? readAlgorithms(reader, given.algorithms) : preset.algorithms,
    keys: readKeySource(reader, given),
    maximumAge: given.max_age ? readDuration(reader, given.max_age, ages) : defaultAge,
    exchangeOnly: given.exchange ? readWord(reader, given.exchange, ['only', 'allowed']) === 'only' : false,
    singleUse: given.single_use ? readFlag(reader, given.single_use) : preset.singleUse,
    services: given.services ? readServices(reader, given.services, context) : null,
    place: keyPlace,
  };
}

/** The name is a user name, so it must not be one that someone else can have. `null` where it can be used. */
export function issuerNameProblem(name: string): string | null {
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(name)) {
    return 'must consist of lower-case letters, digits and dashes, and begin with a letter';
  }
  if (name === anyIssuer) return 'is the user name for every issuer: choose another';
  return name.startsWith('robot-') ? 'is a name that a robot can have: choose another' : null;
}

function checkName(reader: Reader, name: string, place: Place): void {
  const problem = issuerNameProblem(name);
  if (problem !== null) reader.report(place, `the issuer name "${name}" ${problem}`);
}

function readPreset(reader: Reader, value: Value | undefined, place: Place, name: string): Preset | null {
  const text = value === undefined ? null : reader.text(value);
  const found = presetNames.find((one): one is PresetName => one === text);
  if (found !== undefined) return presetOf(found);
  const known = `one of ${presetNames.join(', ')}`;
  if (text === null) reader.report(place, `issuers.${name}: preset is missing; it's ${known}`);
  else reader.report(value?.place ?? place, `preset "${text}" isn't ${known}${suggest(text, presetNames)}`);
  return null;
}

/** Exact: a pattern of issuers would trust every customer of a cloud. */
function readIss(reader: Reader, value: Value | undefined, preset: Preset, place: Place): string {
  const text = value === undefined ? preset.issuer : reader.text(value);
  if (text === null) {
    if (value === undefined) reader.report(place, `issuer is missing: preset ${preset.name} needs the URL of yours`);
    return '';
  }
  const problem = issProblem(text);
  if (problem !== null) reader.report(value?.place ?? place, `issuer "${text}" ${problem}`);
  return text;
}

/** `null` where it can be the `iss` of an issuer. */
export function issProblem(text: string): string | null {
  if (/[*${}]/.test(text)) return 'must be one exact URL: a pattern would trust everyone who has an account there';
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return "isn't a URL such as https://gitlab.example.com";
  return urlProblem(url);
}

/** Keys that came over plain http could be anyone's. */
function urlProblem(url: URL): string | null {
  if (url.protocol === 'https:') return null;
  return isLoopbackHost(url.hostname) ? null : 'must begin with https, except on loopback';
}

export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);
}

/** Audiences that other services accept too: a token for one of them is not for Dockpass alone. */
const foreignAudiences = ['sigstore', 'sts.amazonaws.com', 'api://AzureADTokenExchange', 'sts.googleapis.com'];

export function readAudience(reader: Reader, value: Value, { clientIds }: IssuerContext): string {
  const text = reader.text(value) ?? '';
  const problem = foreignAudiences.includes(text)
    ? 'is accepted by other services too: a token that they were sent could be used here'
    : clientIds.includes(text)
      ? 'is the client id of a sign-in provider: people’s ID tokens would count as workloads'
      : /^https:\/\/github\.com\/[^/]+\/?$/.test(text)
        ? "is GitHub's default for every service: ask for a token with Dockpass's own audience"
        : /[*\s]/.test(text) || text === ''
          ? 'must be one exact value, for example the public URL of Dockpass'
          : null;
  if (problem !== null) reader.report(value.place, `audience "${text}" ${problem}`);
  return text;
}

/** Forgejo and a GitHub server of one's own put `https://HOST/OWNER` into a token whose audience no one chose. */
function isOwnersUrl(audience: string, preset: Preset, issuer: string): boolean {
  const [url, own] = [URL.parse(audience), URL.parse(issuer)];
  const isOfOwner = preset.audienceIsOwner && url !== null && url.host === own?.host;
  return isOfOwner && /^\/[^/]+\/?$/.test(url.pathname);
}

function readAlgorithms(reader: Reader, value: Value): string[] {
  const known: readonly string[] = algorithms;
  return readSome(reader, value).flatMap(({ text, place }) => {
    if (known.includes(text)) return text;
    reader.report(place, `algorithm "${text}" isn't one of ${algorithms.join(', ')}`);
    return [];
  });
}

type Given = Partial<Record<(typeof fields)[number], Value>>;

function readKeySource(reader: Reader, { jwks_file: file, jwks_url: url, ca_file: ca }: Given): KeySource {
  const caFile = ca ? reader.text(ca) : null;
  if (file) {
    for (const other of [url, ca]) {
      if (other) reader.report(other.place, `${other.path} means nothing beside jwks_file: keep one`);
    }
    return { kind: 'file', file: reader.text(file) ?? '' };
  }
  if (!url) return { kind: 'discovery', caFile };
  const text = reader.text(url) ?? '';
  const parsed = URL.parse(text);
  const problem = parsed === null ? "isn't a URL" : urlProblem(parsed);
  if (problem !== null) reader.report(url.place, `jwks_url "${text}" ${problem}`);
  return { kind: 'url', url: text, caFile };
}

/** In seconds. */
export function readDuration(reader: Reader, value: Value, range: { minimum: number; maximum: number }): number {
  const text = reader.text(value) ?? '';
  const length = parseDuration(text);
  if (length !== null && length >= range.minimum && length <= range.maximum) {
    warnOfShort(reader, value, length);
    return length;
  }
  const [minimum, maximum] = [formatDuration(range.minimum), formatDuration(range.maximum)];
  reader.report(
    value.place,
    `${value.path} "${text}" must be a time from ${minimum} to ${maximum}, such as 90s, 30m or 1h`,
  );
  return range.minimum;
}

/** Seconds that a client needs at least between getting something and logging in with it. */
const leastUse = 30;

function warnOfShort(reader: Reader, { path, place }: Value, length: number): void {
  const use = length - minimumRest;
  if (use >= leastUse) return;
  const message = `${path} ${formatDuration(length)} leaves ${use} seconds for a login: what has less than ${minimumRest} seconds left is refused. Write 2m or more`;
  reader.report(place, message, 'warning');
}

export function readFlag(reader: Reader, value: Value): boolean {
  return readWord(reader, value, ['true', 'false']) === 'true';
}

function readWord(reader: Reader, value: Value, words: readonly string[]): string | null {
  const text = reader.text(value);
  if (text === null || words.includes(text)) return text;
  reader.report(value.place, `${value.path} must be ${words.join(' or ')}, not "${text}"`);
  return null;
}

export function readServices(reader: Reader, value: Value, { services }: IssuerContext): string[] {
  return readSome(reader, value).flatMap(({ text, place }) => {
    if (services === null || services.includes(text)) return text;
    reader.report(place, `service "${text}" isn't one of SERVICES: ${services.join(', ')}${suggest(text, services)}`);
    return [];
  });
}
