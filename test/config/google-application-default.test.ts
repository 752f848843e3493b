/** The file of Google's application default credentials: the forms that are taken, and what is said of the others. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readConfig } from '../../src/config/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'dockpass-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'credentials.json');

function read(content: unknown) {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  const config = readConfig({
    ...{ PUBLIC_URL: 'http://localhost:5001', SERVICES: 'registry.example.com' },
    ...{ GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret', GOOGLE_DOMAINS: 'example.com' },
    ...{ GOOGLE_DIRECTORY: 'direct', GOOGLE_APPLICATION_CREDENTIALS: file },
  });
  return config.google?.directory?.credentials.applicationDefault;
}

// As `gcloud iam workload-identity-pools create-cred-config` writes them.
const kubernetes = {
  universe_domain: 'googleapis.com',
  type: 'external_account',
  audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: 'https://sts.googleapis.com/v1/token',
  credential_source: { file: '/var/run/service-account/token', format: { type: 'text' } },
};
const impersonation =
  'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/d@p.iam.gserviceaccount.com:generateAccessToken';
const imds = 'http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://pool';
const azure = {
  ...{ ...kubernetes, service_account_impersonation_url: impersonation },
  credential_source: {
    ...{ url: imds, headers: { Metadata: 'True' } },
    format: { type: 'json', subject_token_field_name: 'access_token' },
  },
};

test('the credentials of a pod and of an Azure machine are read', () => {
  const common = {
    audience: kubernetes.audience,
    subjectTokenType: kubernetes.subject_token_type,
    tokenUrl: kubernetes.token_url,
  };
  assert.deepEqual(read(kubernetes), {
    ...common,
    ...{ impersonationUrl: null, field: null, source: { file: '/var/run/service-account/token' } },
  });
  assert.deepEqual(read(azure), {
    ...common,
    ...{ impersonationUrl: impersonation, field: 'access_token' },
    source: { url: imds, headers: { Metadata: 'True' } },
  });
});

test('what gcloud auth application-default login writes', () => {
  const user = { client_id: 'c', client_secret: 's', refresh_token: 'r' };
  assert.deepEqual(read({ ...user, type: 'authorized_user', quota_project_id: 'p' }), user);
});

for (const [name, content, problem] of [
  ['a key', { type: 'service_account' }, /name it in GOOGLE_DIRECTORY_KEY_FILE/],
  ['impersonation', { type: 'impersonated_service_account' }, /name that in GOOGLE_DIRECTORY_SERVICE_ACCOUNT/],
  ['another type', { type: 'gdch_service_account' }, /of type "gdch_service_account"/],
  ['no JSON', 'type: external_account', /of type "undefined"/],
  ['a list', [], /of type "undefined"/],
  ['a user without a token', { type: 'authorized_user', client_id: 'c' }, /is not whole/],
  ['no audience', { ...kubernetes, audience: undefined }, /names no audience/],
  [
    'a token URL in the clear',
    { ...kubernetes, token_url: 'http://sts.googleapis.com/v1/token' },
    /token_url with https/,
  ],
  ['an impersonation URL in the clear', { ...azure, service_account_impersonation_url: 'http://x' }, /URL with https/],
  ['AWS', { ...kubernetes, credential_source: { environment_id: 'aws1', url: 'http://169.254.169.254/x' } }, /AWS/],
  ['a program', { ...kubernetes, credential_source: { executable: { command: '/bin/x' } } }, /programs/],
  ['no source', { ...kubernetes, credential_source: null }, /neither a file nor a URL/],
  [
    'an unknown format',
    { ...kubernetes, credential_source: { file: '/x', format: { type: 'xml' } } },
    /unknown format/,
  ],
] as const) {
  test(`refused, and why: ${name}`, () => {
    assert.throws(() => read(content), problem);
  });
}
