/** Owns the workloads of the bench: an issuer whose keys are in a file, and ID tokens that live as long as any measurement. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, SignJWT } from 'jose';

/**
 * Writes the workloads file beside the policy.
 * @param audience the public URL
 * @param rules how many; each has a limit of its own
 * @returns an ID token for each rule
 */
export async function addWorkloads(folder: string, audience: string, rules: number): Promise<string[]> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' };
  await writeFile(join(folder, 'issuer.json'), JSON.stringify({ keys: [key] }));
  await writeFile(
    join(folder, 'workloads.yml'),
    `issuers: { github: { preset: github, jwks_file: issuer.json, max_age: 24h, single_use: false } }
rules:
${numbers(rules).map(ruleOf).join('')}`,
  );
  const claims = {
    ...{ repository: 'acme/web', repository_id: '2', repository_owner: 'acme', repository_owner_id: '1' },
    ...{ event_name: 'push', ref: 'refs/heads/main', ref_type: 'branch', run_id: '4711', actor: 'ana' },
    ...{ workflow_ref: 'acme/web/.github/workflows/release.yml@refs/heads/main', runner_environment: 'github-hosted' },
  };
  const sign = (number: number) =>
    new SignJWT({ ...claims, environment: `production-${number}` })
      .setProtectedHeader({ alg: 'RS256', kid: 'bench', typ: 'JWT' })
      .setIssuer('https://token.actions.githubusercontent.com')
      .setSubject('repo:acme@1/web@2:ref:refs/heads/main')
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('24h')
      .sign(privateKey);
  return Promise.all(numbers(rules).map(sign));
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function ruleOf(number: number): string {
  return `  - issuer: github
    match: { repository_owner_id: "1", repository_id: "2", event_name: push, environment: production-${number} }
    groups: [platform]
    limit: 100000
`;
}

/** The form of an exchange. */
export function exchangeForm(token: string): string {
  return new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    subject_token: token,
  }).toString();
}
