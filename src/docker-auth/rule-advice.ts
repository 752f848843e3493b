/** Owns what is said of a rule that means something else for people who no longer sign in as docker_auth let them. */
import type { YAMLMap } from 'yaml';
import type { ReportNode } from './report-node.ts';

export type KnownUsers = {
  readonly report: ReportNode;
  /** Under `users:`. */
  readonly names: readonly string[];
  /** Labels that they have. */
  readonly labels: readonly string[];
};

/**
 * People are called by their e-mail here, and have groups instead of labels. What to write instead becomes a comment above the rule, too.
 * @param texts the patterns of its match by field
 */
export function adviseOnIdentity(
  rule: YAMLMap,
  texts: ReadonlyMap<string, string>,
  path: string,
  { report, names, labels }: KnownUsers,
): void {
  const name = texts.get('name') ?? '';
  const isOfUser = names.includes(texts.get('account') ?? '\0');
  if (name.includes('${account}') && !isOfUser) {
    const instead = name.replaceAll('${account}', '${user}');
    report(
      rule,
      `${path}: \${account} of people is their e-mail, which no repository name holds; write \${user}, as in name: "${instead}"`,
    );
    comment(rule, `for people: name: "${instead}"`);
  }
  const written = [...name.matchAll(/\$\{labels:([^}]+)\}/g)].map(([, label = '']) => label);
  const foreign = written.filter((label) => !labels.includes(label));
  if (foreign.length > 0) {
    const instead = name.replaceAll(/\$\{labels:[^}]+\}/g, '${group:oidc}');
    report(
      rule,
      `${path}: people have groups instead of the label "${foreign[0]}"; write \${group:PROVIDER}, as in name: "${instead}"`,
    );
    comment(rule, `for people: name: "${instead}", where oidc is the provider's name`);
  }
  const demanded = [...texts.keys()].filter((field) => !fields.includes(field) && !labels.includes(field));
  for (const label of demanded) {
    report(
      rule,
      `${path}: people have groups instead of the label "${label}"; write match.group, as in group: "oidc:${texts.get(label)}"`,
    );
    comment(rule, `for people: group: "oidc:${texts.get(label)}", where oidc is the provider's name`);
  }
}

const fields = ['account', 'type', 'name', 'service', 'ip'];

function comment(rule: YAMLMap, text: string): void {
  rule.commentBefore = [rule.commentBefore, ` ${text}`].filter(Boolean).join('\n');
}
