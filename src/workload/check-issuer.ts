/** Owns what `dockpass doctor --workload` finds out about an issuer: every step from the configured URL to keys that verify. */
import { errorMessage } from '../lib/errors.ts';
import type { WorkloadIssuerRow } from '../store/workload-issuers.ts';
import type { WorkloadsInForce } from './accept.ts';
import type { FetchText } from './fetch-text.ts';
import type { Issuer } from './issuer.ts';
import { discoveryUrl, keysUrl } from './issuer-keys.ts';
import { type KeySet, readKeySet } from './key-set.ts';

export type IssuerFinding = {
  readonly subject: 'issuer' | 'metadata' | 'keys' | 'algorithms' | 'rules' | 'switch';
  readonly status: 'right' | 'wrong';
  readonly message: string;
};

const right = (subject: IssuerFinding['subject'], message: string): IssuerFinding => ({
  subject,
  status: 'right',
  message,
});
const wrong = (subject: IssuerFinding['subject'], message: string): IssuerFinding => ({
  subject,
  status: 'wrong',
  message,
});

/** @param row of the issuer, `undefined` where no token of it came yet */
export async function checkIssuer(
  workloads: WorkloadsInForce,
  issuer: Issuer,
  row: WorkloadIssuerRow | undefined,
  fetchText: FetchText,
): Promise<IssuerFinding[]> {
  const count = workloads.rules.filter((rule) => rule.issuer === issuer).length;
  const { findings, keys } = await askForKeys(workloads, issuer, fetchText);
  return [
    right('issuer', `iss ${issuer.issuer}, audience ${issuer.audience}`),
    ...findings,
    ...(keys === null ? [] : [checkAlgorithms(issuer, keys)]),
    count > 0
      ? right('rules', `${count} of the workloads file`)
      : wrong('rules', 'no rule is for this issuer, so nothing of it is let in'),
    row?.off_at == null
      ? right('switch', 'on')
      : wrong('switch', `${row.off_by} switched it off: "dockpass workload on ${issuer.name}"`),
  ];
}

type Asked = { readonly findings: IssuerFinding[]; readonly keys: KeySet | null };

async function askForKeys({ files }: WorkloadsInForce, issuer: Issuer, fetchText: FetchText): Promise<Asked> {
  const { keys: source, name } = issuer;
  if (source.kind === 'file') {
    const keys = files.keys.get(name) ?? [];
    return { findings: [right('keys', `${keys.length} in ${source.file}`)], keys };
  }
  const ca = files.authorities.get(name) ?? null;
  const findings: IssuerFinding[] = [];
  let step: 'metadata' | 'keys' = 'keys';
  try {
    let address = source.kind === 'url' ? new URL(source.url) : null;
    if (address === null) {
      step = 'metadata';
      const url = discoveryUrl(issuer.issuer);
      address = keysUrl(await fetchText(url, { ca }), issuer.issuer);
      findings.push(right('metadata', url.href));
      step = 'keys';
    }
    const keys = readKeySet(await fetchText(address, { ca }));
    findings.push(right('keys', `${keys.length} at ${address.href}`));
    return { findings, keys };
  } catch (error) {
    const help = step === 'metadata' ? '; if it cannot be reached from here, give its keys as jwks_file' : '';
    return { findings: [...findings, wrong(step, `${errorMessage(error)}${help}`)], keys: null };
  }
}

function checkAlgorithms({ algorithms }: Issuer, keys: KeySet): IssuerFinding {
  const usable = algorithms.filter((algorithm) => keys.some((key) => key.algorithms.includes(algorithm)));
  if (usable.length > 0) return right('algorithms', usable.join(', '));
  const offered = [...new Set(keys.flatMap((key) => key.algorithms))].join(', ');
  return wrong('algorithms', `none of ${algorithms.join(', ')} fits the keys: set algorithms to some of ${offered}`);
}
