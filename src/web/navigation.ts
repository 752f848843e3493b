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
  notifications: '/settings/notifications',
} as const;

const passwords: NavigationEntry = { label: 'App passwords', href: sections.passwords };
const access: NavigationEntry = { label: 'My access', href: sections.access };
const repositories: NavigationEntry = { label: 'Repositories', href: sections.repositories };

/**
 * Administrators see all robots in their own section; others see a place for them once a group could own one.
 * @param on.hasRepositories whether any registry reports its repositories
 * @param on.hasMail whether people get mail
 */
export function createNavigation(
  { includes, groupsOf }: Pick<Administrators, 'includes' | 'groupsOf'>,
  { hasRepositories, hasMail }: { readonly hasRepositories: boolean; readonly hasMail: boolean },
): RequestHandler {
  const own = [passwords, ...(hasRepositories ? [repositories] : []), access];
  const notifications: NavigationEntry[] = hasMail ? [{ label: 'Notifications', href: sections.notifications }] : [];
  const offeredTo = (person: Account): NavigationEntry[] => {
    if (includes(person)) return [...own, ...notifications, { label: 'Administration', href: sections.administration }];
    const robots = groupsOf(person).length > 0 ? [{ label: 'Robots', href: sections.robots }] : [];
    return [...own, ...robots, ...notifications];
  };
  return (request, response, next) => {
    const person = visitorOf(request);
    Object.assign(response.locals, { navigation: person === null ? [] : offeredTo(person) } satisfies PageLocals);
    next();
  };
}

type Home = { readonly href: string; readonly label: string };

export const ownHome: Home = { href: sections.passwords, label: 'Go to your passwords' };
/** By the beginning of an address. */
const homes: readonly { readonly begin: string; readonly home: Home }[] = [
  { begin: '/admin/', home: { href: sections.administration, label: 'Go to the overview' } },
  { begin: '/repositories/', home: { href: sections.repositories, label: 'Go to the repositories' } },
];

/** Where someone continues who didn't get on at this address. @param path below the prefix */
export function homeNear(path: string): Home {
  return homes.find(({ begin }) => path.startsWith(begin))?.home ?? ownHome;
}
