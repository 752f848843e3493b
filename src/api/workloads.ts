/** Owns the operations of the API on workloads: what is known of issuers and rules, what was refused, the switch. */
import { Refusal } from '../lib/errors.ts';
import type { ListedRule, WorkloadAdministration } from '../workload/administration.ts';
import type { ApiRoute } from './route.ts';

export function workloadRoutes(workloads: WorkloadAdministration): ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/workloads',
      scope: 'workloads:read',
      summary: 'Issuers of workloads with the age of their keys, and the rules with their last use',
      async run() {
        const overview = await workloads.overview();
        if (overview === null)
          throw new Refusal('not_found', 'There is no workloads file: docs/workloads.md shows one.');
        return { ...overview, rules: overview.rules.map(ruleOf) };
      },
    },
    {
      method: 'get',
      path: '/workloads/failures',
      scope: 'workloads:read',
      summary: 'ID tokens that were refused, with the rule that came closest; 30 days',
      run: async () => ({ failures: await workloads.failures() }),
    },
    ...switchRoutes(workloads),
  ];
}

function switchRoutes(workloads: WorkloadAdministration): ApiRoute[] {
  return [
    {
      method: 'post',
      path: '/workloads/{issuer}/off',
      scope: 'workloads:write',
      summary: 'Refuse tokens of the issuer, and all that was made from them, from the next request on',
      body: [{ name: 'reason', type: 'string', about: 'for the audit' }],
      async run({ param, body, by }) {
        await workloads.disable(param('issuer'), body.text('reason') ?? '', by);
        return {};
      },
    },
    {
      method: 'post',
      path: '/workloads/{issuer}/on',
      scope: 'workloads:write',
      summary: 'Accept new tokens of the issuer again; those from before stay refused',
      async run({ param, by }) {
        await workloads.enable(param('issuer'), by);
        return {};
      },
    },
    {
      method: 'post',
      path: '/workloads/{issuer}/discard-keys',
      scope: 'workloads:write',
      summary: 'Forget the stored keys of the issuer, so that the next token fetches them',
      async run({ param, by }) {
        await workloads.discardKeys(param('issuer'), by);
        return {};
      },
    },
  ];
}

function ruleOf({ rule, lastUsedAt, active }: ListedRule): object {
  const { line, comment, issuer, groups, conditions } = rule;
  const match = Object.fromEntries(
    conditions.map(({ claim, patterns, has }) => [claim, has ? { has: patterns } : patterns]),
  );
  return { line, comment, issuer: issuer.name, match, groups, lastUsedAt, active };
}
