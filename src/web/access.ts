/** Owns the page that shows a person what they can do, by which rule, and what was recently denied. */
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import type { People } from '../accounts/people.ts';
import type { Denial } from '../audit/denials.ts';
import type { GracePeriods } from '../identity/account-status.ts';
import type { Identity } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import type { Policy } from '../policy/acl.ts';
import { effectivePermissionsOf } from '../policy/effective-permissions.ts';
import { explain } from '../policy/explain.ts';
import { isRepositoryName } from '../repositories/names.ts';
import { repositoryActions } from '../scope.ts';
import type { Account } from '../store/accounts.ts';
import { actionsList, candidateRulesOf, type DenialView } from './access-view.ts';
import { accountStatusViewOf } from './account-status-view.ts';
import { fieldsOf } from './fields.ts';
import { sections } from './navigation.ts';
import { type OwnDenialParts, ownDenialOf } from './own-denials.ts';
import { personOf, signedInAt } from './session.ts';
import { sessionView } from './session-view.ts';
import { formatTime } from './time-view.ts';
import type { Views } from './views.ts';

declare module './views.ts' {
  interface ViewData {
    access: ViewData['account-status'] &
      Omit<ViewData['rule-list'] & ViewData['group-list'] & ViewData['session-list'], 'nobody'> & {
        section: string;
        denials: readonly DenialView[];
        /** The answer to "what can I do with this repository?", where it was asked. */
        tried: ReturnType<typeof tryName>;
        contact: string | null;
        services: AccessPageParts['services'];
      };
  }
}

export type AccessPageParts = {
  readonly policy: () => Policy;
  /** Who the person is to the policy now. */
  readonly identityOf: (account: Account) => Identity;
  readonly denialsOf: (accountId: string) => Promise<readonly Denial[]>;
  readonly requestsOf: (person: Account) => Promise<OwnDenialParts['requests']>;
  readonly passwordsOf: (person: Account) => Promise<OwnDenialParts['passwords']>;
  readonly people: Pick<People, 'sessionsOf' | 'endSession' | 'endSessions'>;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  readonly services: readonly { readonly name: string; readonly registryHost: string }[];
  /** How long the provider's word counts. */
  readonly gracePeriods: GracePeriods;
  /** Whom to ask for more, as the configuration says; `null`: no one is named. */
  readonly contact: string | null;
  readonly views: Views;
  readonly now: () => number;
};

/** Mount behind a guard that only lets people through who are signed in. */
export type AccessPages = {
  /** GET /access */
  readonly show: RequestHandler;
  /** POST /sessions/end */
  readonly endSessions: RequestHandler;
};

export function createAccessPages(parts: AccessPageParts): AccessPages {
  return {
    show: (request, response) => show(parts, request, response),
    endSessions: (request, response) => endSessions(parts, request, response),
  };
}

async function show(parts: AccessPageParts, request: Request, response: Response): Promise<void> {
  const { policy, now, views, contact, services } = parts;
  const person = personOf(request);
  const identity = parts.identityOf(person);
  const sessions = await parts.people.sessionsOf(person.id);
  const ownDenials = {
    ...{ policy: policy(), identity, now: now() },
    hostOf: (name: string) => services.find((service) => service.name === name)?.registryHost ?? name,
    passwords: await parts.passwordsOf(person),
    requests: await parts.requestsOf(person),
  };
  const permissions = effectivePermissionsOf(policy(), identity);
  const { groupsAt, groupsKnown } = identity;
  views.page(response, 'access', {
    section: sections.access,
    status: accountStatusViewOf(person, parts.gracePeriods, views.prefix, now()),
    candidateRules: candidateRulesOf(permissions),
    groups: permissions.groups,
    groupsKnown,
    groupsProblem: person.groups_problem,
    groupsReported: groupsAt === null ? null : formatTime(groupsAt, now()),
    denials: (await parts.denialsOf(person.id)).map((denial, index) => ownDenialOf(ownDenials, denial, index)),
    tried: tryName(parts, identity, request),
    sessions: sessions.map((session) => ({
      ...sessionView(session, now()),
      isHere: session.signedInAt === signedInAt(request),
    })),
    contact,
    services,
  });
}

/** One session, or without its name all: then this browser's ends too. */
async function endSessions({ people, views, requesterOf }: AccessPageParts, request: Request, response: Response) {
  const { id, login } = personOf(request);
  const by = { actor: login, client: requesterOf(request) };
  const one = fieldsOf(request.body)('session');
  if (one !== '') {
    await people.endSession(id, one, by);
    return response.redirect(303, `${views.prefix}/access`);
  }
  await people.endSessions(id, by);
  response.redirect(303, `${views.prefix}/sign-in`);
}

const nothing = { granted: '', refused: '', rule: null } as const;

/** What a person would be granted on one repository, asked from where they are now. */
function tryName({ policy, services, requesterOf }: AccessPageParts, identity: Identity, request: Request) {
  const { repository: wanted, service: wantedService } = request.query;
  const [first] = services;
  const service = services.find(({ name }) => name === wantedService) ?? first;
  if (typeof wanted !== 'string' || service === undefined) return null;
  const name = repositoryName(
    wanted,
    services.map(({ registryHost }) => registryHost),
  );
  if (name === '') return null;
  if (!isRepositoryName(name)) return { ...nothing, name, service: service.name, isName: false };
  const access = { type: 'repository', name, actions: repositoryActions };
  const { granted, decidedBy } = explain(policy(), identity, access, {
    service: service.name,
    address: requesterOf(request).address,
  });
  const refused = access.actions.filter((action) => !granted.includes(action));
  return {
    name,
    service: service.name,
    granted: actionsList(granted),
    refused: actionsList(refused, 'or'),
    rule: decidedBy,
    isName: true,
  };
}

/** People paste what they type after `docker push`: the registry's host, a tag and a digest are no part of the name. */
export function repositoryName(text: string, hosts: readonly string[]): string {
  const host = hosts.find((candidate) => text.trim().startsWith(`${candidate}/`));
  const path = host === undefined ? text.trim() : text.trim().slice(host.length + 1);
  return path.replace(/@sha256:.*/s, '').replace(/:[\w.-]*$/, '');
}
