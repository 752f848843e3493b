/** Owns reading decisions back: out of docker_auth's log, and out of lines for `policy eval`. */
import { fieldsIn, isTexts } from '../lib/json.ts';

/** What was asked, in the words of `policy eval`. */
export type LoggedRequest = {
  readonly account: string;
  readonly type: string;
  readonly name: string;
  readonly service: string;
  readonly ip: string;
  readonly labels: Readonly<Record<string, readonly string[]>>;
  readonly actions: readonly string[];
};

/** `granted: null`: the line does not say what was decided. */
export type LoggedDecision = { readonly request: LoggedRequest; readonly granted: readonly string[] | null };

/** The decisions of one line; none for a line of another kind. */
export function readDecisions(line: string): LoggedDecision[] {
  if (line.startsWith('{')) return readEvalLine(line);
  return readTokenLine(line);
}

function readEvalLine(line: string): LoggedDecision[] {
  try {
    // A person's own file, compared once: what isn't as `policy eval` writes it makes the comparison fail.
    const { request, decision } = JSON.parse(line) as {
      request?: Partial<LoggedRequest>;
      decision?: { actions?: readonly string[]; nomatch?: boolean };
    };
    if (!request) return [];
    const granted = decision?.actions ?? (decision?.nomatch ? [] : null);
    // Go writes null for a map or a list that is empty.
    const { labels, actions } = request;
    return [{ request: { ...nothing, ...request, labels: labels ?? {}, actions: actions ?? [] }, granted }];
  } catch {
    return [];
  }
}

const nothing: LoggedRequest = { account: '', type: '', name: '', service: '', ip: '', labels: {}, actions: [] };

/**
 * docker_auth writes one line a token, at its default level (server.go, CreateToken):
 * `New token for {USER:***@ADDRESS [{TYPE CLASS NAME [ACTIONS]} ...]} map[LABEL:[VALUES] ...]: CLAIMS`.
 */
function readTokenLine(line: string): LoggedDecision[] {
  const [, address = '', scopes = '', labels = '', claims = ''] =
    /New token for \{.*?:(?:\*\*\*)?@(\S*) \[(.*)\]\} map\[(.*?)\]: (\{.*\})\s*$/.exec(line) ?? [];
  const token = parseClaims(claims);
  if (!token) return [];
  const shared = {
    ...nothing,
    account: token.sub,
    service: token.aud,
    ip: hostOf(address),
    labels: readLabels(labels),
  };
  const asked = [...scopes.matchAll(/\{(\S*) \S* (\S*) \[([^\]]*)\]\}/g)];
  return asked.map(([, type = '', name = '', actions = ''], index) => ({
    request: { ...shared, type, name, actions: actions.split(' ').filter((action) => action !== '') },
    granted: token.granted[index] ?? [],
  }));
}

type Claims = {
  readonly sub: string;
  readonly aud: string;
  /** The actions of each scope that was asked for. */
  readonly granted: readonly (readonly string[])[];
};

function parseClaims(text: string): Claims | null {
  try {
    const { sub, aud, access } = fieldsIn(JSON.parse(text));
    return { sub: textIn(sub), aud: textIn(aud), granted: Array.isArray(access) ? access.map(actionsOf) : [] };
  } catch {
    return null;
  }
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function actionsOf(access: unknown): readonly string[] {
  const { actions } = fieldsIn(access);
  return isTexts(actions) ? actions : [];
}

/** "10.0.0.7:51234", "[2001:db8::1]:51234", or an address alone where it came from a header. */
function hostOf(address: string): string {
  const [, bracketed, plain] = /^(?:\[(.+)\]:\d+|([^:]+):\d+)$/.exec(address) ?? [];
  return bracketed ?? plain ?? address;
}

/** `team:[web ops] tier:[prod]`, as Go prints a map. */
function readLabels(text: string): Record<string, string[]> {
  const found = [...text.matchAll(/(\S+?):\[([^\]]*)\]?/g)];
  return Object.fromEntries(found.map(([, label = '', values = '']) => [label, values.split(' ').filter(Boolean)]));
}
