/** Owns the sections that Dockpass has no part for: docker_auth's own back ends, and those that only forks have. */
import { type Entry, type Reader, suggest } from '../policy/reader.ts';

/** What to do instead. */
const advice: Readonly<Record<string, string>> = {
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

/** The names of docker_auth's back ends that are missing here. */
export const refusedBackEnds: readonly string[] = Object.keys(advice);

/** How forks call theirs: kubernetes_auth, restapi_auth, couchdb_auth with acl_couchdb, oauth_2. */
const looksLikeBackEnd = /_(?:auth|authn|authz)$|^acl_|^oauth/;

/** Reports the sections that can't be imported, each by name. @param known the sections that can */
export function reportBackEnds(reader: Reader, sections: readonly Entry[], known: readonly string[]): void {
  for (const { key, keyPlace } of sections) {
    if (known.includes(key)) continue;
    const instead = advice[key];
    if (instead === undefined && !looksLikeBackEnd.test(key)) continue;
    const meant = suggest(key, known);
    const what = instead ?? (meant === '' ? 'docker_auth has none either, so this is a fork' : meant.slice(2));
    reader.report(keyPlace, `${key}: Dockpass has no such back end; ${what}; or import the rest with --without ${key}`);
  }
}
