/** Owns what can come between a client and a server: the name, the port, TLS, and how each is said. */
import type { PeerCertificate } from 'node:tls';
import { type Finding, type Subject, unknown, wrong } from './finding.ts';
import { type Probe, ProbeError, type Reply } from './probe.ts';

/** `reply` is null where there was no answer; TLS mistakes are findings, and the request is then repeated without TLS's proof. */
export type Reached = { readonly reply: Reply | null; readonly findings: readonly Finding[] };

/** Which server is asked, and the words for it. */
export type Server = {
  /** What a finding is about when nothing answers: 'address' or 'realm'. */
  readonly subject: Subject;
  /** "The registry" or "The realm". */
  readonly name: string;
  /** The setting that holds its certificate. */
  readonly certificateSetting: string;
};

export const theRegistry: Server = {
  subject: 'address',
  name: 'The registry',
  certificateSetting: 'http.tls.certificate of the registry, or that of the proxy in front of it',
};
export const theRealm: Server = {
  subject: 'realm',
  name: 'The realm',
  certificateSetting: 'TLS_CERTIFICATE_FILE of Dockpass, or that of the proxy in front of it',
};

export async function reach(probe: Probe, url: URL, server: Server): Promise<Reached> {
  try {
    return { reply: await probe(url), findings: [] };
  } catch (error) {
    if (!(error instanceof ProbeError)) throw error;
    if (error.kind === 'connection') return { reply: null, findings: [unreachable(url, server, error)] };
    const reply = await probe(url, { overlookTls: true }).catch(() => null);
    return { reply, findings: [wrong('TLS', describeTls(url, server, error, reply?.certificate ?? null))] };
  }
}

/** For a request that fails after others were answered. @param when "a token was shown" */
export function brokenOff(subject: Subject, { code, message }: ProbeError, when: string): Finding {
  const seen: Record<string, string> = {
    ECONNRESET: 'the connection was cut',
    EPIPE: 'the connection was cut',
    ETIMEDOUT: 'no answer came in 15 seconds',
  };
  const what = seen[code] ?? `the connection failed (${message})`;
  return unknown(subject, `${what} when ${when}: does a proxy or firewall refuse it?`);
}

function unreachable(url: URL, { subject, name }: Server, { code, message }: ProbeError): Finding {
  const advice: Record<string, string> = {
    ENOTFOUND: `the name ${url.hostname} is not known here: is it spelled right, and in DNS?`,
    EAI_AGAIN: `the name ${url.hostname} cannot be looked up: DNS does not answer`,
    ECONNREFUSED: `nothing listens on ${url.host}: is it running, and is the port right?`,
    ECONNRESET: 'the connection was cut: is a proxy or firewall between, or is https spoken there?',
    HPE_HEADER_OVERFLOW: "its headers are too large: this isn't a registry, or a proxy adds too much",
    ETIMEDOUT: 'no answer came in 15 seconds: is a firewall between?',
  };
  return wrong(subject, `${name} cannot be reached at ${url.origin}: ${advice[code] ?? message}`);
}

/** In OpenSSL's codes, as Node reports them (nodejs.org/api/tls.html, X509 certificate error codes). */
function describeTls(url: URL, server: Server, { code, message }: ProbeError, seen: PeerCertificate | null): string {
  const { name, certificateSetting } = server;
  const begin = `${name} at ${url.origin}: `;
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `${begin}its certificate is for ${namesOf(seen)}, not for ${url.hostname}. Its subjectAltName must hold the name that clients use (${certificateSetting}).`;
    case 'CERT_HAS_EXPIRED':
      return `${begin}its certificate expired on ${seen?.valid_to ?? 'a date that is past'}. Renew it (${certificateSetting}).`;
    case 'CERT_NOT_YET_VALID':
      return `${begin}its certificate is valid only from ${seen?.valid_from ?? 'a later date'}: is the clock of this machine right?`;
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return `${begin}the port speaks plain http, not TLS. Set ${certificateSetting}; on a trusted network clients can name it as insecure.`;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `${begin}its certificate, issued by ${issuerOf(seen)}, is not trusted here. Send the whole chain (${certificateSetting}), or give clients its CA: docker login and the graph driver read /etc/docker/certs.d/REGISTRY/ca.crt, for the realm too; the containerd image store and docker build ask the system's CAs for the realm. The doctor takes --ca FILE.`;
    default:
      return `${begin}TLS fails: ${message} (${code}).`;
  }
}

function namesOf(certificate: PeerCertificate | null): string {
  const names = certificate?.subjectaltname?.replaceAll(/(DNS|IP Address):/g, '');
  return names ?? (certificate?.subject.CN ? `${certificate.subject.CN} (no subjectAltName)` : 'other names');
}

function issuerOf(certificate: PeerCertificate | null): string {
  const { O, CN } = certificate?.issuer ?? {};
  return [CN, O].flat().find((name) => name !== undefined) ?? 'someone unnamed';
}
