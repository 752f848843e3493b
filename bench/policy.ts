/** The bench of the policy: microseconds a decision at 20, 200 and 1,000 rules, and lines a second of `policy eval`. */
import { performance } from 'node:perf_hooks';
import { anonymous, type Identity } from '../src/identity/identity.ts';
import { type Policy, parsePolicy } from '../src/policy/acl.ts';
import { createDecider } from '../src/policy/decide.ts';
import { createEvaluator } from '../src/policy/eval.ts';

const ana: Identity = {
  ...anonymous,
  kind: 'person',
  account: 'ana@example.com',
  email: 'ana@example.com',
  domain: 'example.com',
  groups: ['google:dev@example.com'],
};
const context = { service: 'registry.example.com', address: '10.0.0.7' };

/** One rule of each kind that policies have, in turn; none of them matches. */
function ruleOf(index: number): string {
  const kinds = [
    `{match: {account: "user${index}@example.com", name: "u${index}/**"}, actions: ["*"]}`,
    `{match: {group: "team-${index}", name: "team-${index}/**"}, actions: [pull, push]}`,
    `{match: {name: "/^project${index}-[a-z]+\\\\//"}, actions: [pull]}`,
    `{match: {account: "/^(.+)@d${index}\\\\.example$/", name: "\${account:1}/*"}, actions: ["*"]}`,
    `{match: {domain: "d${index}.example", name: "\${user}/*"}, actions: [pull]}`,
    `{match: {ip: "192.0.2.${index % 256}", name: "edge/*"}, actions: [pull]}`,
    `{match: {name: "*/cache-${index}"}, actions: []}`,
  ];
  return kinds[index % kinds.length] ?? '';
}

function policyOf(rules: number): Policy {
  const lines = Array.from({ length: rules - 1 }, (_, index) => `  - ${ruleOf(index)}\n`);
  return parsePolicy(`acl:\n${lines.join('')}  - {match: {}, actions: [pull]}\n`, 'policy.yml');
}

/** Microseconds; the best of five, because what disturbs only makes it slower. */
function timeOf(times: number, action: (index: number) => void): number {
  const runs = Array.from({ length: 6 }, () => {
    const begun = performance.now();
    for (let index = 0; index < times; index += 1) action(index);
    return ((performance.now() - begun) / times) * 1_000;
  });
  return Math.min(...runs.slice(1));
}

/** The last of all the rules decides: the longest way. One person asks for all of it, as at the realm. */
function decision(policy: Policy): (index: number) => void {
  const decide = createDecider(policy, ana, context);
  return (index) => {
    const access = { type: 'repository', name: `apps/web-${index % 100}`, actions: ['pull', 'push'] };
    if (decide(access).granted.length !== 1) throw new Error('the last rule did not decide');
  };
}

function evalLines(acls: number): string[] {
  const lines = Array.from({ length: 2_000 }, (_, index) => {
    const rule = (number: number) => ({
      match: { account: '/^(.+)@x$/', name: `\${account:1}/r${number}-*` },
      actions: ['pull'],
    });
    const acl = [0, 1, 2, 3].map((offset) => rule((index % acls) + offset));
    return JSON.stringify({
      acl,
      request: { account: 'ana@x', type: 'repository', name: `ana/r${index}`, actions: ['pull'] },
    });
  });
  return lines;
}

for (const rules of [20, 200, 1_000]) {
  const times = timeOf(20_000, decision(policyOf(rules)));
  console.log(`${String(rules).padStart(5)} rules: ${times.toFixed(1).padStart(6)} us a decision`);
}
for (const dockerAuth of [true, false]) {
  for (const acls of [100, 2_000]) {
    const lines = evalLines(acls);
    const evaluate = createEvaluator({ dockerAuth });
    const each = timeOf(lines.length, (index) => evaluate(lines[index] ?? ''));
    const name = `policy eval${dockerAuth ? ' --docker-auth' : ''}`.padEnd(26);
    console.log(
      `${name} ${String(acls).padStart(5)} ACLs: ${Math.round(1e6 / each).toLocaleString('en')} lines a second`,
    );
  }
}
