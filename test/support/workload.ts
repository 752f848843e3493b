/** Owns workloads files and claims for tests: what each platform puts in its ID tokens. */
import { type Claims, readClaims } from '../../src/workload/claims.ts';
import type { IssuerContext } from '../../src/workload/issuer.ts';
import { parseWorkloads, type Workloads } from '../../src/workload/workloads.ts';

export const audience = 'https://auth.example.com';
export const context: IssuerContext = {
  audience,
  clientIds: ['people-client'],
  services: ['registry.example.com', 'other.example.com'],
};

export const githubRule = `
  - issuer: github
    match:
      repository_owner_id: "987654"
      repository_id: "123456"
      event_name: [push, workflow_dispatch]
      ref: ["refs/heads/main", "refs/tags/v*"]
    groups: [deployers]
    comment: Release builds of the web shop
`;
export const githubFile = `
issuers:
  github: { preset: github }
rules:${githubRule}`;

/** As documented by each platform, shortened to what rules look at; the repository is the same everywhere. */
export const recordedClaims = {
  github: {
    iss: 'https://token.actions.githubusercontent.com',
    sub: 'repo:acme@987654/web@123456:ref:refs/heads/main',
    repository: 'acme/web',
    repository_id: '123456',
    repository_owner: 'acme',
    repository_owner_id: '987654',
    event_name: 'push',
    ref: 'refs/heads/main',
    ref_protected: 'true',
    run_id: '4711',
    runner_environment: 'github-hosted',
    actor: 'ana',
  },
  forgejo: {
    iss: 'https://forge.example.com/api/actions',
    sub: 'repo:acme-987654/web-123456:ref:refs/heads/main',
    repository: 'acme/web',
    repository_id: '123456',
    repository_owner_id: '987654',
    event_name: 'push',
    ref: 'refs/heads/main',
    ref_protected: 'false',
    run_id: '12',
  },
  gitlab: {
    iss: 'https://gitlab.example.com',
    sub: 'project_path:acme/web:ref_type:branch:ref:main',
    project_path: 'acme/web',
    project_id: '22',
    namespace_id: '72',
    pipeline_source: 'push',
    pipeline_id: '574',
    job_id: '302',
    ref: 'main',
    ref_protected: 'true',
    groups_direct: ['acme', 'acme/ops'],
    environment: null,
  },
  gcp: {
    iss: 'https://accounts.google.com',
    sub: '113774264463038321964',
    azp: '113774264463038321964',
    email: 'builder@shop.iam.gserviceaccount.com',
    email_verified: true,
  },
  kubernetes: {
    iss: 'https://oidc.shop.example.com',
    sub: 'system:serviceaccount:shop:puller',
    'kubernetes.io': {
      namespace: 'shop',
      pod: { name: 'app', uid: 'a9fd3b44-1863-4e83-8b88-91bf93730968' },
      serviceaccount: { name: 'puller', uid: '2a61ab86-e92d-4c0b-90e1-b1360e2da4e0' },
    },
  },
  buildkite: {
    iss: 'https://agent.buildkite.com',
    sub: 'organization:acme:pipeline:web:ref:refs/heads/main:commit:1:step:build',
    organization_slug: 'acme',
    pipeline_slug: 'web',
    organization_id: '018c',
    pipeline_id: '018d',
    build_branch: 'main',
    build_number: 5,
    job_id: '0184990a',
  },
  circleci: {
    iss: 'https://oidc.circleci.com/org/6b6b',
    sub: 'org/6b6b/project/8a8a/user/1',
    'oidc.circleci.com/project-id': '8a8a',
    'oidc.circleci.com/ssh-rerun': false,
    'oidc.circleci.com/vcs-origin': 'github.com/acme/web',
    'oidc.circleci.com/vcs-ref': 'refs/heads/main',
    'oidc.circleci.com/job-id': '33',
  },
  oidc: {
    iss: 'https://jenkins.example.com/oidc',
    sub: 'https://jenkins.example.com/job/web/',
    build_number: 7,
  },
} as const;

/** A workloads file for each of the platforms, that lets in what `recordedClaims` has. */
export const filesOfPresets: Readonly<Record<keyof typeof recordedClaims, string>> = {
  github: githubFile,
  forgejo: `
issuers: { forgejo: { preset: forgejo, issuer: "https://forge.example.com/api/actions" } }
rules:
  - issuer: forgejo
    match: { repository_owner_id: 987654, repository_id: 123456, event_name: push, ref: refs/heads/main }
`,
  gitlab: `
issuers: { gitlab: { preset: gitlab, issuer: "https://gitlab.example.com" } }
rules:
  - issuer: gitlab
    match: { project_id: 22, namespace_id: 72, ref_protected: "true", groups_direct: { has: acme/ops } }
`,
  gcp: `
issuers: { gcp: { preset: gcp } }
rules:
  - issuer: gcp
    match: { sub: 113774264463038321964 }
`,
  kubernetes: `
issuers: { shop: { preset: kubernetes, issuer: "https://oidc.shop.example.com", jwks_file: shop.json } }
rules:
  - issuer: shop
    match: { kubernetes.io.namespace: shop, kubernetes.io.serviceaccount.name: puller }
`,
  buildkite: `
issuers: { buildkite: { preset: buildkite } }
rules:
  - issuer: buildkite
    match: { organization_id: 018c, pipeline_id: 018d, build_branch: main }
`,
  circleci: `
issuers: { circleci: { preset: circleci, issuer: "https://oidc.circleci.com/org/6b6b" } }
rules:
  - issuer: circleci
    match:
      oidc.circleci.com/project-id: 8a8a
      oidc.circleci.com/ssh-rerun: "false"
      oidc.circleci.com/vcs-origin: github.com/acme/web
`,
  oidc: `
issuers: { jenkins: { preset: oidc, issuer: "https://jenkins.example.com/oidc" } }
rules:
  - issuer: jenkins
    match: { sub: "https://jenkins.example.com/job/web/" }
    account: ci:jenkins:web
`,
};

export function workloadsOf(text: string): Workloads {
  return parseWorkloads(text, 'workloads.yml', context);
}

export function claimsOf(claims: object): Claims {
  return readClaims(JSON.stringify(claims));
}
