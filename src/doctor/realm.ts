/** Owns the question whether the realm that a registry names is this Dockpass, as clients reach it. */
import { getDomain } from 'tldts';
import { fieldsIn } from '../lib/json.ts';
import { realmPaths } from '../token/endpoint.ts';
import { type Finding, note, right, wrong } from './finding.ts';
import { type Probe, ProbeError, type Reply } from './probe.ts';
import { reach, theRealm } from './reach.ts';

export type RealmParts = {
  readonly probe: Probe;
  /** What `auth.token.realm` should be. */
  readonly expected: URL;
  /** "https://registry.example.com/v2/" */
  readonly registry: URL;
  /** Trusts the system's CAs only, where `probe` trusts others, too; else `null`. */
  readonly systemProbe: Probe | null;
  /** `kid` of the keys that this Dockpass signs with. */
  readonly keyIds: readonly string[];
};

export async function checkRealm(parts: RealmParts, realm: string, service: string): Promise<Finding[]> {
  const { expected, probe } = parts;
  const url = URL.parse(realm);
  const shouldBe = `auth.token.realm must be ${expected.href}`;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return [wrong('realm', `"${realm}" isn't an absolute URL. ${shouldBe}`)];
  }
  if (needsRepair(realm)) {
    const reason = `${JSON.stringify(realm)} is an address that browsers repair, and docker and podman don't`;
    return [wrong('realm', `${reason}: they fail, or ask for another path. ${shouldBe}`)];
  }
  if (url.protocol === 'http:' && (parts.registry.protocol === 'https:' || expected.protocol === 'https:')) {
    const reason = `"${realm}" is plain http: passwords would cross the network in the clear, and clients of a registry on https refuse it`;
    return [wrong('realm', `${reason}. ${shouldBe}`)];
  }
  const asked = new URL(url);
  asked.searchParams.set('service', service);
  const { reply, findings } = await reach(probe, asked, theRealm);
  if (namesItself(parts, url) && (reply === null || !isDockpass(reply))) return [autoredirected(parts, url)];
  if (reply === null) return findings.map((finding) => ({ ...finding, message: `${finding.message} ${shouldBe}` }));
  return [...findings, ...(await judge(parts, url, reply)), ...(await notesOn(parts, asked))];
}

/**
 * Whether URL.parse reads it otherwise than Go does, which takes it to the letter: blanks, backslashes, another number of slashes,
 * and steps to the folder above.
 */
function needsRepair(realm: string): boolean {
  const [, path] = /^https?:\/\/[^\s\\\p{Cc}/?#]+([^\s\\\p{Cc}?#]*)(?:[?#][^\s\\\p{Cc}]*)?$/iu.exec(realm) ?? [];
  return path === undefined || path.split('/').some((step) => /^(?:\.|%2e){1,2}$/i.test(step));
}

/** As `autoredirect: true` makes it, whatever `realm` says: https, its own host, and this path (distribution, accesscontroller.go). */
function namesItself({ registry, expected }: RealmParts, url: URL): boolean {
  return url.host === registry.host && /^\/auth\/token\/?$/.test(url.pathname) && url.host !== expected.host;
}

function autoredirected({ expected }: RealmParts, url: URL): Finding {
  return wrong(
    'autoredirect',
    `The registry names itself as the realm (${url.href}), as auth.token.autoredirect: true makes it, whatever realm says. Set autoredirect: false and realm: ${expected.href}, or let the proxy in front of the registry hand ${url.pathname} to Dockpass.`,
  );
}

/** What is right for most clients, and not for all. */
async function notesOn(parts: RealmParts, realm: URL): Promise<Finding[]> {
  const { registry, systemProbe } = parts;
  const isTrusted = await isTrustedBySystem(systemProbe, realm);
  return [...privateAuthority(isTrusted, realm), ...foreignDomain(registry, realm), ...(await metadataAtRoot(parts))];
}

/** RFC 8414, section 3.1: with a path in PUBLIC_URL, what programs look for is on the host's root. Our own scripts don't. */
async function metadataAtRoot({ expected, probe }: RealmParts): Promise<Finding[]> {
  const path = expected.pathname.replace(/\/auth$/, '');
  if (path === '') return [];
  const address = new URL(`/.well-known/oauth-authorization-server${path}`, expected);
  const reply = await probe(address, { overlookTls: true }).catch(() => null);
  if (reply?.status === 200) return [];
  const others = `and ${new URL(`/.well-known/dockpass${path}`, expected).href}`;
  const message = `PUBLIC_URL has a path, so OAuth programs look for ${address.href}, which doesn't lead here. docker, our scripts and "dockpass login" don't need it; for others let the proxy send it ${others} to Dockpass.`;
  return [note('realm', message)];
}

async function isTrustedBySystem(systemProbe: Probe | null, realm: URL): Promise<boolean> {
  if (systemProbe === null || realm.protocol !== 'https:') return true;
  return systemProbe(realm).then(
    () => true,
    (error) => !(error instanceof ProbeError && error.kind === 'tls'),
  );
}

/** `docker login` and the graph driver read certs.d, and so hide what the others lack (reference: moby, daemon/containerd/resolver.go). */
function privateAuthority(isTrusted: boolean, realm: URL): Finding[] {
  if (isTrusted) return [];
  return [
    note(
      'TLS',
      `The certificate of ${realm.origin} is by a CA that the system here does not know. certs.d is enough for docker login, and for Docker with the graph driver. With the containerd image store (new installations of Docker 29 have it) that CA must be among the system's CAs of the machine of the daemon, and for docker build among those of the machine where it is called: otherwise login works, and push, pull or build fail.`,
    ),
  ];
}

/** Apple's container sends passwords only to a realm on https, in the registry's registrable domain. */
function foreignDomain(registry: URL, realm: URL): Finding[] {
  if (/^(localhost|127\.|\[::1\])/.test(realm.hostname)) return [];
  const domain = getDomain(registry.hostname);
  const isOwn = domain === null ? realm.host === registry.host : getDomain(realm.hostname) === domain;
  if (isOwn && (realm.protocol === 'https:' || realm.host === registry.host)) return [];
  const where = domain === null ? `at ${registry.host} itself` : `in ${domain}`;
  return [
    note(
      'realm',
      `Apple's container, from 1.3.1 on, refuses this realm: for ${registry.host} it must be on https and ${where}. PUBLIC_URL with a path on the registry's own host is one way (docs/operating.md).`,
    ),
  ];
}

async function judge(parts: RealmParts, url: URL, reply: Reply): Promise<Finding[]> {
  const { expected } = parts;
  const shouldBe = `auth.token.realm must be ${expected.href}`;
  const { status, headers } = reply;
  if (status >= 300 && status < 400) return [redirected(parts, url, headers.location)];
  if (status === 502 || status === 503 || status === 504) {
    return [wrong('realm', `${url.href} answers ${status}: the proxy there does not reach Dockpass. Is it running?`)];
  }
  if (!isDockpass(reply)) {
    return [wrong('realm', `${url.href} answers ${status}, and not as Dockpass does. ${shouldBe}`)];
  }
  if (!(await hasOurKeys(parts, url))) {
    return [
      wrong(
        'realm',
        `${url.href} is a Dockpass with other keys than the ones in DATA_DIR here. If it is the one that is meant, run the doctor with its DATA_DIR; else ${shouldBe}`,
      ),
    ];
  }
  const elsewhere = isRealm(url, expected) ? '' : ` (PUBLIC_URL would make it ${expected.href})`;
  return [right('realm', `${url.href} is this Dockpass${elsewhere}`)];
}

/** A client's POST that is redirected becomes a GET without the credentials, so login works and pull does not. */
function redirected({ expected }: RealmParts, url: URL, location: string | undefined): Finding {
  const target =
    location === undefined ? 'somewhere' : (URL.parse(location, url.href)?.href.replace(/\?.*$/s, '') ?? location);
  return wrong(
    'redirect',
    `auth.token.realm ${url.href} is redirected to ${target}. Clients lose their credentials on the way: login works, push and pull do not. Set the realm to the address that answers: ${expected.href}`,
  );
}

/** A log-in without credentials is refused; the header is one that Dockpass alone sends. */
function isDockpass({ status, headers }: Reply): boolean {
  return status === 401 && /^Basic realm="Dockpass"/.test(headers['www-authenticate'] ?? '');
}

function isRealm(url: URL, expected: URL): boolean {
  return (
    url.origin === expected.origin &&
    realmPaths.some((path) => url.pathname === expected.pathname.replace(/\/auth$/, path))
  );
}

/** The service publishes its keys beside the realm. An unreadable answer proves nothing. */
async function hasOurKeys({ probe, keyIds }: RealmParts, realm: URL): Promise<boolean> {
  const path = realm.pathname.replace(/\/auth(\/token)?\/?$/, '/.well-known/jwks.json');
  const reply = await probe(new URL(path, realm), { overlookTls: true }).catch(() => null);
  if (reply === null || reply.status !== 200) return true;
  const keys = keysIn(reply.body);
  return keys === null || keys.some((key) => keyIds.includes(String(fieldsIn(key)['kid'])));
}

/** @returns null if the text isn't a JWKS, as where a proxy answers with a page of its own */
function keysIn(text: string): readonly unknown[] | null {
  try {
    const { keys } = fieldsIn(JSON.parse(text));
    return Array.isArray(keys) ? keys : null;
  } catch {
    return null;
  }
}
