/** Owns docs/reference/settings.md: names and meanings from .env.example, forms and secrets from the settings reader itself. */
import { readFileSync } from 'node:fs';
import { ConfigError, readConfig } from '../src/config/config.ts';
import { cell, table } from './reference-table.ts';
import { settingNames } from './setting-names.ts';

type Setting = { readonly name: string; readonly example: string; readonly about: string };
type Section = { readonly title: string; readonly settings: Setting[] };

export function settingsPage(): string {
  const { secret, plain } = settingNames();
  const sections = readSections(readFileSync(new URL('../.env.example', import.meta.url), 'utf8'));
  const listed = new Set(sections.flatMap(({ settings }) => settings.map(({ name }) => name.replace(/_FILE$/, ''))));
  const missing = [...plain, ...secret].filter(
    (name) => !listed.has(name.replace(/_FILE$/, '')) && !/^(SERVICE|OIDC|WEBHOOK)_X_/.test(name),
  );
  if (missing.length > 0) throw new Error(`.env.example lacks ${missing.join(', ')}`);
  return [
    '# Settings',
    '',
    'Every setting is an environment variable, or a line of the file `.env` in the working folder or of the file that `DOCKPASS_ENV_FILE` names; the environment wins. Relative paths count from the folder of that file. A setting marked "secret" can also be in a file: `NAME_FILE=/path`. All mistakes are reported together at the start, misspelt names too. An empty value counts as not set.',
    '',
    '`SERVICE_<NAME>_`, `OIDC_<NAME>_` and `WEBHOOK_<NAME>_` are the settings of one registry, provider or webhook: its name in capitals, with `_` for everything that is not a letter or digit.',
    ...sections.flatMap(({ title, settings }) => [
      '',
      `## ${title}`,
      '',
      ...table(
        ['setting', 'example or default', 'value', 'meaning'],
        settings.map(({ name, example, about }) => [
          `\`${withPlaceholder(name)}\``,
          example === '' ? '' : `\`${cell(example)}\``,
          formOf(name, secret.includes(readerName(name))),
          cell(about),
        ]),
      ),
    ]),
    '',
  ].join('\n');
}

/** The comments before a setting are about it, and about those that follow without one. */
function readSections(text: string): Section[] {
  const sections: Section[] = [];
  let comments: string[] = [];
  /** A setting came after the comments: what follows without a comment belongs to them too. */
  let isFresh = true;
  for (const line of text.split('\n')) {
    const [, title] = /^# --- (.+?) -+$/.exec(line) ?? [];
    const [, name, example = ''] = /^#?([A-Z][A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
    if (title !== undefined) sections.push({ title: title.replace(/:\s+docs\/\S+$/, ''), settings: [] });
    if (name !== undefined) {
      sections.at(-1)?.settings.push({
        name,
        example,
        about: isFresh && comments.length > 0 ? 'With the setting above.' : comments.join(' '),
      });
      isFresh = true;
    } else if (line.startsWith('# ') && title === undefined) {
      if (isFresh) comments = [];
      comments.push(line.slice(2));
      isFresh = false;
    } else {
      comments = [];
    }
  }
  return sections;
}

const ofOne = /^(SERVICE|OIDC|WEBHOOK)_(?!PROVIDERS$)(KEYCLOAK|REGISTRY_EXAMPLE_COM|[A-Z]+?)_(?=[A-Z])/;

/** The example's name of a registry or provider becomes <NAME>. */
function withPlaceholder(name: string): string {
  return name.replace(
    /^(SERVICE)_(REGISTRY_EXAMPLE_COM|[A-Z]+)_|^(OIDC)_(KEYCLOAK)_|^(WEBHOOK)_([A-Z]+)_/,
    (_all, a, _b, c, _d, e) => `${a ?? c ?? e}_<NAME>_`,
  );
}

const readerName = (name: string): string => name.replace(ofOne, (_all, kind) => `${kind}_X_`);

/** What the reader says of a value that nobody would give: the range, or the words that it takes. */
function formOf(name: string, isSecret: boolean): string {
  if (isSecret) return 'secret';
  if (name.endsWith('_FILE')) return 'a path';
  const setting = readerName(name);
  const services = {
    PUBLIC_URL: 'http://localhost',
    SERVICES: 'x',
    OIDC_PROVIDERS: 'x',
    GOOGLE_CLIENT_ID: 'x',
    WEBHOOKS: 'x',
  };
  const problems = problemsOf({ ...services, [setting]: '¿' });
  const [form = ''] = problems.flatMap((problem) => {
    const [, text] = new RegExp(`^${setting} must be (.+), not "¿"`).exec(problem) ?? [];
    return text ?? [];
  });
  return cell(form.replace(/^one of true, false$/, 'true or false').replace(/ such as .*/, ''));
}

function problemsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
