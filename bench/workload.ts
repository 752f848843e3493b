/** Owns the workload of the bench: an issuer whose keys are in a file, and an ID token that lives as long as any measurement. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, SignJWT } from 'jose';

/**
 * Writes the workloads file beside the policy.
 * @param audience the public URL
 * @returns "oidc:ID_TOKEN" in base64
 */
export async function addWorkload(folder: string, audience: string): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' };
  await writeFile(join(folder, 'issuer.json'), JSON.stringify({ keys: [key] }));
  await writeFile(
    join(folder, 'workloads.yml'),
    `issuers: { github: { preset: github, jwks_file: issuer.json, max_age: 24h } }
rules:
  - issuer: github
    match: { repository_owner_id: "1", repository_id: "2", event_name: push, ref: refs/heads/main }
    groups: [platform]
`,
  );
  const claims = {
    ...{ repository: 'acme/web', repository_id: '2', repository_owner: 'acme', repository_owner_id: '1' },
    ...{ event_name: 'push', ref: 'refs/heads/main', ref_type: 'branch', run_id: '4711', actor: 'ana' },
    ...{ workflow_ref: 'acme/web/.github/workflows/release.yml@refs/heads/main', runner_environment: 'github-hosted' },
  };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid: 'bench', typ: 'JWT' })
    .setIssuer('https://token.actions.githubusercontent.com')
    .setSubject('repo:acme@1/web@2:ref:refs/heads/main')
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('24h')
    .sign(privateKey);
  return Buffer.from(`oidc:${token}`).toString('base64');
}
