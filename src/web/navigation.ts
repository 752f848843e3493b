/** Owns which pages the header offers to whom. */
import type { RequestHandler } from 'express';
import type { Administrators } from '../accounts/administrators.ts';
import type { Account } from '../store/accounts.ts';
import { visitorOf } from './session.ts';
import type { NavigationEntry, PageLocals } from './views.ts';

/** The addresses, below the prefix; a page names its own as the section that it belongs to. */
export const sections = {
  passwords: '/',
  access: '/access',
  repositories: '/repositories',
  robots: '/robots',
  administration: '/admin',
} as const;

const passwords: NavigationEntry = { label: 'App passwords', href: sections.passwords };
const access: NavigationEntry = { label: 'My access', href: sections.access };
const repositories: NavigationEntry = { label: 'Repositories', href: sections.repositories };

/**
 * Administrators see all robots in their own section; others see a place for them once a group could own one.
 * @param hasRepositories whether any registry reports its repositories
 */
export function createNavigation(
  { includes, groupsOf }: Pick<Administrators, 'includes' | 'groupsOf'>,
  hasRepositories: boolean,
): RequestHandler {
  const own = [passwords, ...(hasRepositories ? [repositories] : []), access];
  const offeredTo = (person: Account): NavigationEntry[] => {
    if (includes(person)) return [...own, { label: 'Administration', href: sections.administration }];
    return groupsOf(person).length > 0 ? [...own, { label: 'Robots', href: sections.robots }] : [...own];
  };
  return (request, response, next) => {
    const person = visitorOf(request);
    Object.assign(response.locals, { navigation: person === null ? [] : offeredTo(person) } satisfies PageLocals);
    next();
  };
}
