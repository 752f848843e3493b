/** Owns the administrators' question "who can push here?": every account, group and rule of the policy that lets someone. */
import type { RequestHandler } from 'express';
import { checkAddress } from '../../policy/address.ts';
import { isRepositoryName } from '../../repositories/names.ts';
import type { WhoCan } from '../../repositories/who-can.ts';
import { repositoryName } from '../access.ts';
import { actionsText } from '../access-view.ts';
import { fieldsOf, oneOf } from '../fields.ts';
import { sections } from '../navigation.ts';
import type { FormError } from '../password-form.ts';
import type { ListedService } from '../repositories.ts';
import { serviceOf } from './repositories.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type WhoCanPageParts = AdminParts & {
  readonly services: readonly ListedService[];
  readonly whoCan: (question: {
    readonly service: string;
    readonly name: string;
    readonly action: string;
    readonly address: string;
  }) => Promise<WhoCan>;
};

type RuleView = ReturnType<typeof ruleView>;

declare module '../views.ts' {
  interface ViewData {
    'admin-who-can': AdminFrame & {
      fields: {
        readonly repository: string;
        readonly action: string;
        readonly address: string;
        readonly service: string;
      };
      actions: readonly string[];
      services: readonly ListedService[];
      /** What is wrong with the question: it's not answered then. */
      mistake: FormError | null;
      answer: (Omit<WhoCan, 'rules'> & { readonly rules: readonly RuleView[]; readonly name: string }) | null;
    };
  }
}

const actions = ['push', 'pull', 'delete'] as const;

/** GET /admin/repositories/who-can */
export function createWhoCanPage(parts: WhoCanPageParts): RequestHandler {
  return async (request, response) => {
    const field = fieldsOf(request.query);
    const hosts = parts.services.map(({ registryHost }) => registryHost);
    const name = repositoryName(field('repository'), hosts);
    const action = oneOf(actions, field('action')) ?? 'push';
    const service = serviceOf(parts, field('service'));
    const [address, repository] = [field('address'), field('repository')];
    const mistake = name === '' ? null : mistakeIn(name, address);
    const isAsked = name !== '' && mistake === null;
    const found = isAsked ? await parts.whoCan({ service: service.name, name, action, address }) : null;
    parts.views.page(response, 'admin-who-can', {
      ...{ section: sections.administration, tab: tabs.repositories },
      fields: { repository, action, address, service: service.name },
      ...{ actions, services: parts.services, mistake },
      answer: found && { ...found, name, rules: found.rules.map(ruleView) },
    });
  };
}

function mistakeIn(name: string, address: string): FormError | null {
  const mistakes: string[] = [];
  const isName = isRepositoryName(name);
  if (!isName) mistakes.push(`"${name}" isn’t a valid repository name. Names are lower-case, like team/app.`);
  checkAddress(address, (problem) => mistakes.push(`${problem}.`));
  return mistakes.length === 0 ? null : { field: isName ? 'address' : 'repository', message: mistakes.join(' ') };
}

function ruleView({ number, line, comment, actions: granted, grants, requires }: WhoCan['rules'][number]) {
  const conditions = requires.map(({ field, patterns }) => `${field} ${patterns.join(' or ')}`);
  return { number, line, comment, grants, actions: actionsText(granted), conditions };
}
