/** Owns the text of the two files that make a kubelet call the plugin: its provider configuration, and its flags. Pure. */
import { type Document, isMap, isSeq, parseDocument, stringify } from 'yaml';
import { Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { type NodeSettings, providerConfig, providerName } from './node-config.ts';

export type Flags = { readonly config: string; readonly bin: string };

const configVersion = 'kubelet.config.k8s.io/v1';

/**
 * The provider configuration with our entry; those of others stay as they are, comments included.
 * @param text of the file; `null`: there is none
 * @throws {Refusal} where the kubelet couldn't read the result
 */
export function withProvider(text: string | null, path: string, settings: NodeSettings): string {
  const whole = providerConfig(settings);
  if (text === null) return write(whole, path);
  const document = read(text, path);
  const { apiVersion, providers } = fieldsIn(document.toJS());
  if (apiVersion !== configVersion) {
    throw misfit(
      path,
      `its apiVersion is ${String(apiVersion)}. Change it to ${configVersion}, and see that the kubelet starts with it`,
    );
  }
  const at = indexOfOurs(providers);
  const [entry] = whole.providers;
  const place = at === -1 ? (Array.isArray(providers) ? providers.length : 0) : at;
  if (at !== -1 && isSame(fieldsIn(Array.isArray(providers) ? providers[at] : null), fieldsIn(entry))) return text;
  if (!isSeq(document.get('providers'))) document.set('providers', document.createNode([]));
  document.setIn(['providers', place], document.createNode(entry));
  return write(document, path);
}

/** The provider configuration without our entry; `null` where nothing else is left in it: kubelets refuse an empty list. */
export function withoutProvider(text: string, path: string): string | null {
  const document = read(text, path);
  const { providers } = fieldsIn(document.toJS());
  const at = indexOfOurs(providers);
  if (at === -1) return text;
  if (Array.isArray(providers) && providers.length === 1) return null;
  document.deleteIn(['providers', at]);
  return write(document, path);
}

/** Whether the configuration names the plugin. */
export function namesPlugin(text: string, path: string): boolean {
  return indexOfOurs(fieldsIn(read(text, path).toJS())['providers']) !== -1;
}

function read(text: string, path: string): Document {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined) throw misfit(path, problem.message);
  if (!isMap(document.contents) || fieldsIn(document.toJS())['kind'] !== 'CredentialProviderConfig') {
    throw misfit(path, 'not a CredentialProviderConfig');
  }
  return document;
}

/** JSON where the name says so, as EKS has it. */
function write(value: object, path: string): string {
  if (path.endsWith('.json')) return `${JSON.stringify(value, null, 2)}\n`;
  return stringify(value, { lineWidth: 0 });
}

function indexOfOurs(providers: unknown): number {
  return (Array.isArray(providers) ? providers : []).findIndex((one) => fieldsIn(one)['name'] === providerName);
}

function isSame(one: object, other: object): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

function misfit(path: string, problem: string): Refusal {
  return new Refusal('misconfigured', `${path} can't be added to: ${problem}. Nothing was changed.`);
}

/** systemd.exec(5), EnvironmentFile: of several lines with one name, the last counts. */
const argsLine = /^([ \t]*KUBELET_EXTRA_ARGS=)(.*)$/gm;

/**
 * The flags in the file that kubeadm's unit reads KUBELET_EXTRA_ARGS from; what is there stays.
 * @throws {Refusal} for a form that this doesn't understand
 */
export function withFlags(text: string | null, path: string, flags: Flags): string {
  const words = flagsOf(flags).join(' ');
  const line = lastLine(text ?? '');
  if (line === null) {
    const before = text === null || text === '' || text.endsWith('\n') ? (text ?? '') : `${text}\n`;
    return `${before}KUBELET_EXTRA_ARGS="${words}"\n`;
  }
  const { quote, value } = readValue(line.value, path);
  if (flagsOf(flags).every((flag) => value.split(/\s+/).includes(flag))) return text ?? '';
  return replaceLine(text ?? '', line, `${quote}${[value, words].filter((part) => part !== '').join(' ')}${quote}`);
}

export function withoutFlags(text: string, path: string, flags: Flags): string {
  const line = lastLine(text);
  if (line === null) return text;
  const { quote, value } = readValue(line.value, path);
  const rest = value.split(/\s+/).filter((word) => !flagsOf(flags).includes(word));
  return replaceLine(text, line, `${quote}${rest.join(' ')}${quote}`);
}

/** Where a text (a command line, an environment file, the configuration of k3s) says that the kubelet looks. */
export function flagsIn(text: string): Partial<Flags> {
  const of = (name: string) =>
    new RegExp(`image-credential-provider-${name}["']?\\s*[=:\\s]\\s*["']?(/[^\\s"']*)`).exec(text)?.[1];
  const [config, bin] = [of('config'), of('bin-dir')];
  return { ...(config !== undefined && { config }), ...(bin !== undefined && { bin }) };
}

function flagsOf({ config, bin }: Flags): readonly string[] {
  return [`--image-credential-provider-config=${config}`, `--image-credential-provider-bin-dir=${bin}`];
}

type Line = { readonly start: number; readonly end: number; readonly value: string };

function lastLine(text: string): Line | null {
  const found = [...text.matchAll(argsLine)].at(-1);
  if (found === undefined) return null;
  const [all, name = '', value = ''] = found;
  return { start: found.index + name.length, end: found.index + all.length, value };
}

/** Quoted afterwards in any case: a shell that reads the file would take a second word for a command. */
function readValue(text: string, path: string): { readonly quote: string; readonly value: string } {
  const [, quote = '"', quoted, bare] = /^(?:(["'])([^"'\\]*)\1|([^"'\\]*))\s*$/.exec(text) ?? [];
  const value = quoted ?? bare;
  if (value === undefined)
    throw misfit(path, 'KUBELET_EXTRA_ARGS has quotes or a backslash inside. Add the flags yourself');
  return { quote, value: value.trim() };
}

function replaceLine(text: string, { start, end }: Line, value: string): string {
  return text.slice(0, start) + value + text.slice(end);
}
