/** Owns the import of a docker_auth configuration: its YAML becomes a policy and an environment file for Dockpass. */
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { PolicyError, type PolicyProblem, parsePolicy } from '../policy/acl.ts';
import { readYaml } from '../policy/document.ts';
import { convertEnvironment } from './environment.ts';
import { convertPolicy, type ReportNode } from './policy-sections.ts';

export type Imported = {
  /** policy.yml */
  readonly policy: string;
  /** .env */
  readonly environment: string;
  /** What decides otherwise, was dropped or has to be looked at. With an error among them nothing should be written. */
  readonly problems: readonly PolicyProblem[];
};

/** Sections with parts that Dockpass does not have, and what to do instead. */
const refused: Readonly<Record<string, string>> = {
  github_auth:
    'sign in with GitHub through an OpenID Connect provider in front of it (Dex, Keycloak) and OIDC_PROVIDERS',
  gitlab_auth: 'GitLab is an OpenID Connect provider: configure it with OIDC_PROVIDERS',
  ldap_auth:
    'put an OpenID Connect provider in front of the directory (Keycloak, Authentik) and name it in OIDC_PROVIDERS',
  ext_auth: 'turn its users into users of the policy file, or sign them in with OpenID Connect',
  mongo_auth: 'export its users into `users:` first; bcrypt hashes keep working',
  xorm_auth: 'export its users into `users:` first; bcrypt hashes keep working',
  plugin_authn: 'turn its users into users of the policy file, or sign them in with OpenID Connect',
  acl_mongo: 'export its entries into `acl:` first, in the order of seq',
  acl_xorm: 'export its entries into `acl:` first, in the order of seq',
  ext_authz: 'write its decisions as rules of `acl:`',
  plugin_authz: 'write its decisions as rules of `acl:`',
  casbin_authz: 'write its policy as rules of `acl:`',
};

/**
 * @param fileName what messages about the converted policy call the source
 */
export function importDockerAuth(text: string, fileName: string): Imported {
  const reader = readYaml(text);
  const sections = reader.root ? reader.entries(reader.root) : [];
  for (const { key, keyPlace } of sections) {
    const instead = refused[key];
    if (instead !== undefined) reader.report(keyPlace, `${key}: Dockpass has no such back end; ${instead}`);
  }
  const environment = convertEnvironment(reader, sections, ['users', 'acl', ...Object.keys(refused)]);
  const lines = new LineCounter();
  const document = parseDocument(text, { version: '1.1', lineCounter: lines });
  const report: ReportNode = (node, message, severity = 'warning') => {
    const { line, col } = lines.linePos((node as Node | null)?.range?.[0] ?? 0);
    reader.report({ line, column: col }, message, severity);
  };
  const policy = isMap(document.contents) ? convertPolicy(document, hasClaimLabels(document), report) : '';
  const problems = [...reader.problems, ...problemsOf(policy, fileName, reader.problems)];
  return { policy, environment, problems };
}

/** Whether labels come from elsewhere than `users:`, so that their values cannot be looked at. */
function hasClaimLabels(document: Document): boolean {
  const claims = document.getIn(['oidc_auth', 'labels_claims'], true);
  return claims !== undefined && !(isScalar(claims) && claims.value === null);
}

/** What is wrong with the converted policy all the same; only asked when nothing else is wrong. */
function problemsOf(policy: string, fileName: string, known: readonly PolicyProblem[]): PolicyProblem[] {
  if (known.some(({ severity }) => severity === 'error')) return [];
  try {
    parsePolicy(policy, fileName);
    return [];
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return error.problems.map((problem) => ({ ...problem, message: `in the converted policy: ${problem.message}` }));
  }
}
