/** A rule by address that lies within a trusted block is reported; one that only contains a proxy is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyWarnings } from '../../src/app/proxy-warnings.ts';
import { parsePolicy } from '../../src/policy/acl.ts';

const policyOf = (...networks: string[]) =>
  parsePolicy(
    `acl:\n${networks.map((network) => `  - match: { ip: "${network}" }\n    actions: [pull]`).join('\n')}\n`,
    'policy.yml',
  );

for (const [proxies, rule, isReported] of [
  [['10.0.0.0/8'], '10.20.0.0/16', true],
  [['127.0.0.1', '10.0.0.0/8'], '10.20.3.4', true],
  [['10.20.3.4'], '10.20.3.4', true],
  [['fd00::/8'], 'fd00:1::/32', true],
  [['10.20.3.4'], '10.20.0.0/16', false],
  [['10.0.0.0/8'], '192.0.2.0/24', false],
  [['10.0.0.0/8'], '::/0', false],
  [[], '10.20.0.0/16', false],
] as const) {
  test(`ip ${rule} with TRUSTED_PROXIES=${proxies.join(',')}`, () => {
    const warnings = proxyWarnings(proxies, policyOf(rule, rule));
    assert.equal(warnings.length, isReported ? 1 : 0);
    if (isReported) assert.ok(warnings[0]?.includes(`ip ${rule}, which lies in ${proxies.at(-1)} of TRUSTED_PROXIES`));
  });
}
