/** Owns the examination of a registry: what is asked, in which order, and what a finding makes needless. */
import type { Signer, TokenHeader } from '../keys/signature.ts';
import { type Challenge, findChallenge } from './challenge.ts';
import { compareFiles, contradictions } from './compare-file.ts';
import { type Finding, isProblem, note, right, unknown, wrong } from './finding.ts';
import type { Probe, Reply } from './probe.ts';
import { reach, theRegistry } from './reach.ts';
import { checkRealm } from './realm.ts';
import type { RegistryFiles } from './registry-file.ts';
import { shownToken, type TrialParts, tryTokens } from './trial.ts';
import { checkUploads } from './uploads.ts';

/** A service of Dockpass, with what its registry must trust. */
export type DoctorService = {
  readonly name: string;
  readonly registryHost: string;
  readonly issuer: string;
  readonly signers: Readonly<Record<TokenHeader, Signer>>;
  readonly tokenHeader: TokenHeader;
  /** PEM: what `rootcertbundle` should hold. */
  readonly bundle: string;
  /** Whether the operator brought the key. */
  readonly isOwnKey: boolean;
  /** Why the registry can refuse these tokens, though not those of the service that runs; a sentence, `null`: no reason. */
  readonly waiting: string | null;
};

export type DoctorParts = {
  readonly probe: Probe;
  /** Trusts the system's CAs only, where `probe` trusts others, too; else `null`. */
  readonly systemProbe: Probe | null;
  readonly publicUrl: URL;
  /** What `auth.token.realm` should be. */
  readonly realm: URL;
  readonly services: readonly [DoctorService, ...DoctorService[]];
  /** Of all services. */
  readonly keyIds: readonly string[];
  readonly registryFiles: RegistryFiles | null;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export type Report = {
  readonly findings: readonly Finding[];
  /** The service that the registry is, or should be. */
  readonly service: DoctorService;
};

/** @param registry "https://registry.example.com/": nothing below it is asked but `/v2/` */
export async function examine(parts: DoctorParts, registry: URL): Promise<Report> {
  const base = new URL('v2/', registry);
  const meant = meantService(parts, registry);
  const asked = parts.now();
  const { reply, findings } = await reach(parts.probe, base, theRegistry);
  if (reply === null) return { findings, service: meant };
  const clockAhead = clockDifference(reply, (asked + parts.now()) / 2);
  const first = judgeFirstAnswer(reply, base);
  if ('subject' in first) return { findings: [...findings, first], service: meant };

  const { realm = '', service = '' } = first.parameters;
  const known = parts.services.find(({ name }) => name === service);
  const { issuer, signers, tokenHeader: header } = known ?? meant;
  const trial: TrialParts = {
    ...{ probe: parts.probe, signers, header, now: parts.now, registry: base, clockAhead, service, issuer },
    otherIssuers: likelyIssuers(parts, realm).filter((other) => other !== issuer),
  };
  const realmFindings = await checkRealm(
    { ...parts, expected: parts.realm, registry: base },
    realm,
    known?.name ?? meant.name,
  );
  const tokenFindings = await examineTokens(parts, trial, known ?? meant);
  const taken = tokenFindings.some(({ subject, status }) => subject === 'issuer' && status === 'right') ? issuer : null;
  const running = { realm, service, issuer: taken };
  return {
    findings: [
      right('address', `a registry answers at ${registry.origin}`),
      ...findings,
      ...(asksForPassword(reply) ? [besideBearer] : []),
      known ? right('service', `"${service}" is one of SERVICES`) : wrongService(parts, service),
      ...realmFindings,
      ...tokenFindings,
      ...(parts.registryFiles === null ? [] : contradictions(parts.registryFiles, running)),
    ],
    service: known ?? meant,
  };
}

async function examineTokens(
  parts: DoctorParts,
  trial: TrialParts,
  { bundle, isOwnKey, waiting }: DoctorService,
): Promise<Finding[]> {
  const tried = await tryTokens(trial);
  if (!tried.some(isProblem)) return [...tried, ...(await checkUploads(trial))];
  const inFile = ({ subject }: Finding): boolean =>
    ['issuer', 'rootcertbundle', 'jwks', 'token header'].includes(subject);
  const doubted = tried.some((finding) => inFile(finding) && isProblem(finding));
  const others = tried.filter((finding) => !inFile(finding));
  if (doubted && waiting !== null) {
    const more = 'What the registry trusts can be checked after that.';
    return [...others, unknown(trial.header === 'kid' ? 'jwks' : 'rootcertbundle', `${waiting} ${more}`)];
  }
  if (parts.registryFiles === null || parts.registryFiles.token.otherType !== undefined || !doubted) return tried;
  const ours = { ...(await shownToken(trial)), issuer: trial.issuer, bundle, isOwnKey };
  return [...others, ...compareFiles(parts.registryFiles, ours)];
}

/** The service whose address was given; else the only one, or the first. */
function meantService({ services }: DoctorParts, registry: URL): DoctorService {
  const meant = services.find(({ name, registryHost }) => registryHost === registry.host || name === registry.host);
  return meant ?? services[0];
}

/** The challenge, or what came instead. */
function judgeFirstAnswer(reply: Reply, base: URL): Challenge | Finding {
  const { status, headers } = reply;
  const bearer = findChallenge(headers['www-authenticate'], 'bearer');
  if (status === 401 && bearer !== undefined) return bearer;
  if (status === 401 && asksForPassword(reply)) {
    return wrong(
      'auth',
      'The registry, or a proxy in front of it, asks for a password itself (auth.htpasswd?). Its auth: section must have token: instead.',
    );
  }
  if (status === 200) {
    return wrong(
      'auth',
      'The registry is open to everyone: its configuration has no auth: section, or another file is in use.',
    );
  }
  if (status >= 300 && status < 400) {
    return wrong(
      'redirect',
      `${base.href} is redirected to ${headers.location ?? 'somewhere'}: give the address that answers, here and to clients.`,
    );
  }
  if (status === 400 && /HTTP request to an HTTPS server/i.test(reply.body)) {
    return wrong('TLS', `${base.host} speaks https: write https:// before it.`);
  }
  if (status === 502 || status === 503 || status === 504) {
    return wrong(
      'address',
      `${base.origin} answers ${status}: the proxy there does not reach the registry. Is it running?`,
    );
  }
  return wrong(
    'address',
    `${base.href} answers ${status} without a challenge: this isn't a registry, or a proxy keeps /v2/ or WWW-Authenticate from clients.`,
  );
}

function asksForPassword({ headers }: Reply): boolean {
  return findChallenge(headers['www-authenticate'], 'basic') !== undefined;
}

const besideBearer = note(
  'auth',
  'The registry, or a proxy in front of it, also asks for a password itself (Basic), beside the token: clients that answer that one do not ask Dockpass.',
);

function wrongService({ services }: DoctorParts, service: string): Finding {
  const known = services.map(({ name }) => `"${name}"`).join(', ');
  return wrong(
    'service',
    `auth.token.service is "${service}", and SERVICES of Dockpass has ${known}. Make them the same: Dockpass refuses a service that it does not know.`,
  );
}

/** Milliseconds. A server that sends no date leaves the question to the tokens. */
function clockDifference({ headers }: Reply, now: number): number {
  const date = Date.parse(headers.date ?? '');
  return Number.isNaN(date) ? 0 : date - now;
}

/** What people write where the issuer belongs; the last are the examples of the registry's and docker_auth's documentation. */
function likelyIssuers({ publicUrl, services }: DoctorParts, realm: string): string[] {
  const urls = [publicUrl, URL.parse(realm)].filter((url) => url !== null);
  const bases = urls.flatMap(({ host, hostname, origin, href, pathname }) => [
    host,
    hostname,
    origin,
    href,
    origin + pathname,
  ]);
  const candidates = [
    ...services.flatMap(({ issuer, name }) => [issuer, `https://${issuer}`, name]),
    ...bases,
    'Dockpass',
    'dockpass',
  ];
  const slashed = candidates.flatMap((name) => (name.endsWith('/') ? [name, name.slice(0, -1)] : [name, `${name}/`]));
  return [...new Set([...slashed, 'Auth Service', 'Auth service', 'Acme auth server', 'registry-token-issuer'])];
}

/** Whether the sign-in pages, too, know that they are reached over https. */
export async function checkPages(parts: DoctorParts, provider: string | null): Promise<Finding[]> {
  if (parts.publicUrl.protocol !== 'https:' || provider === null) return [];
  const page = new URL(`sign-in/${provider}`, parts.publicUrl.href.replace(/\/*$/, '/'));
  const reply = await parts.probe(page, { overlookTls: true }).catch(() => null);
  if (reply === null) return [unknown('proxy header', `the sign-in page ${page.href} does not answer`)];
  if (reply.status < 500 || !reply.body.includes('X-Forwarded-Proto')) return [];
  return [
    wrong(
      'proxy header',
      `Dockpass does not learn that ${parts.publicUrl.origin} is https, and no one can sign in. The proxy in front of it must send X-Forwarded-Proto, and its address must be in TRUSTED_PROXIES.`,
    ),
  ];
}
