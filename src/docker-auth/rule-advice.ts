/** Owns what is said of a rule that means something else for people who no longer sign in as docker_auth let them. */
import type { YAMLMap } from 'yaml';
import { isExpression } from '../pattern/expression.ts';
import type { ReportNode } from './report-node.ts';

export type KnownUsers = {
  readonly report: ReportNode;
  /** Under `users:`. */
  readonly names: ReadonlySet<string>;
  /** Labels that they have. */
  readonly labels: ReadonlySet<string>;
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
  const isOfUser = names.has(texts.get('account') ?? '\0');
  if (name.includes('${account}') && !isOfUser) {
    const instead = name.replaceAll('${account}', '${user}');
    report(
      rule,
      `${path}: \${account} of people is their e-mail, which no repository name holds; write \${user}, as in name: ${JSON.stringify(instead)}`,
    );
    comment(rule, `for people: name: ${JSON.stringify(instead)}`);
  }
  const written = [...name.matchAll(/\$\{labels:([^}]+)\}/g)].map(([, label = '']) => label);
  const foreign = written.filter((label) => !labels.has(label));
  if (foreign.length > 0) {
    const instead = name.replaceAll(/\$\{labels:[^}]+\}/g, '${group:oidc}');
    report(
      rule,
      `${path}: people have groups instead of the label "${foreign[0]}"; write \${group:PROVIDER}, as in name: ${JSON.stringify(instead)}`,
    );
    comment(rule, `for people: name: ${JSON.stringify(instead)}, where oidc is the provider's name`);
  }
  const demanded = [...texts.keys()].filter((field) => !fields.includes(field) && !labels.has(field));
  for (const label of demanded) {
    const instead = groupFor(texts.get(label) ?? '');
    report(rule, `${path}: people have groups instead of the label "${label}"; write match.group, as in ${instead}`);
    comment(rule, `for people: ${instead}, where oidc is the provider's name`);
  }
}

/** What to write for the pattern of a label: the name of each group begins with its provider's. */
function groupFor(pattern: string): string {
  if (!isExpression(pattern)) return `group: ${JSON.stringify(`oidc:${pattern}`)}`;
  const source = pattern.slice(1, -1);
  // What is only at the beginning of a part, such as an alternative, can't be put behind the provider's name.
  if (/.\^|\||\\A/s.test(source)) return 'group: "/^oidc:(...)/" with the rest of the name in the parentheses';
  return `group: ${JSON.stringify(`/^oidc:${source.startsWith('^') ? source.slice(1) : `.*${source}`}/`)}`;
}

const fields = ['account', 'type', 'name', 'service', 'ip'];

function comment(rule: YAMLMap, text: string): void {
  rule.commentBefore = [rule.commentBefore, ` ${text}`].filter(Boolean).join('\n');
}
