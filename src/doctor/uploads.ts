/** Owns the question whether the addresses that a registry and Dockpass give out survive the proxy in front of each. */
import { type Finding, right, unknown, wrong } from './finding.ts';
import { ProbeError } from './probe.ts';
import { brokenOff } from './reach.ts';
import { type TrialParts, tokenFor } from './trial.ts';

/** Where an upload is begun and cancelled; without a manifest it is in no catalog. */
const repository = 'dockpass-doctor/probe';

/**
 * The registry puts its own address into the answer to the beginning of an upload, and clients send the layer there
 * (distribution, urls.go NewBuilderFromRequest). This is the one place where a proxy's headers show.
 */
export async function checkUploads(parts: TrialParts): Promise<Finding[]> {
  return beginUpload(parts).catch((error: unknown) => {
    if (error instanceof ProbeError) return [brokenOff('proxy header', error, 'an upload was begun')];
    throw error;
  });
}

async function beginUpload(parts: TrialParts): Promise<Finding[]> {
  const token = await tokenFor(parts, [{ type: 'repository', name: repository, actions: ['pull', 'push', 'delete'] }]);
  const headers = { authorization: `Bearer ${token}` };
  const { registry } = parts;
  const begun = await parts.probe(new URL(`${repository}/blobs/uploads/`, registry), {
    method: 'POST',
    headers: { ...headers, 'content-length': '0' },
    overlookTls: true,
  });
  const location = URL.parse(begun.headers.location ?? '', registry.href);
  if (begun.status !== 202 || location === null) {
    return [
      unknown('proxy header', `an upload is answered ${begun.status}: the addresses for uploads could not be checked`),
    ];
  }
  // Through the address that works, whatever the registry says.
  const cancel = new URL(location.pathname + location.search, registry);
  await parts.probe(cancel, { method: 'DELETE', headers, overlookTls: true }).catch(() => undefined);
  return [judgeLocation(location, registry)];
}

function judgeLocation(location: URL, registry: URL): Finding {
  if (location.origin === registry.origin) return right('proxy header', `uploads go to ${location.origin}`);
  const seen = `The registry sends uploads to ${location.origin}, clients reach it at ${registry.origin}: push fails.`;
  return location.host === registry.host || location.hostname === registry.hostname
    ? wrong(
        'proxy header',
        `${seen} The proxy in front must send "X-Forwarded-Proto: ${registry.protocol.slice(0, -1)}" and the Host header as it came, port included; or set http.relativeurls: true in the registry.`,
      )
    : wrong(
        'proxy header',
        `${seen} The proxy in front must send the Host header as it came ("X-Forwarded-Host" will do), or http.host of the registry is set to another address.`,
      );
}
