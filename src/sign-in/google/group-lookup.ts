/** Owns the four ways of asking Google for somebody's groups; each gives the e-mails of groups. */
import { minute } from '../../lib/time.ts';
import { type GoogleApi, GoogleApiError, isNotFound } from './directory-api.ts';

/**
 * `direct`: those that name the person. `recursive`: those that hold these, too. `configured`: of those that the policy
 * names, the ones that hold the person, directly or not. `transitive`: all, in one call of Cloud Identity, which takes
 * Enterprise Standard or better.
 */
export const groupStrategies = ['direct', 'recursive', 'configured', 'transitive'] as const;
export type GroupStrategy = (typeof groupStrategies)[number];

export type GroupLookup = (person: { readonly subject: string; readonly email: string }) => Promise<readonly string[]>;

export type GroupLookupSettings = {
  readonly strategy: GroupStrategy;
  /** How many levels of groups in groups `recursive` goes up. */
  readonly depth: number;
  /** Without a slash at the end. */
  readonly directoryUrl: string;
  readonly cloudIdentityUrl: string;
};

/** @param named the e-mails of the groups that the policy in force names, for `configured` */
export function createGroupLookup(
  settings: GroupLookupSettings,
  api: GoogleApi,
  named: () => readonly string[],
  now: () => number,
): GroupLookup {
  const groupsUrl = `${settings.directoryUrl}/admin/directory/v1/groups`;
  const parentsOf = (key: string) => directGroups(api, groupsUrl, key);
  const parentsOfGroup = keepParents(parentsOf, now);
  switch (settings.strategy) {
    case 'direct':
      return ({ subject }) => parentsOf(subject);
    case 'recursive':
      return async ({ subject }) => climb(await parentsOf(subject), parentsOfGroup, settings.depth);
    case 'configured':
      return async ({ subject }) => {
        const member: string[] = [];
        for (const group of named()) if (await isMember(api, groupsUrl, group, subject)) member.push(group);
        return member;
      };
    case 'transitive':
      return ({ email }) => transitiveGroups(api, settings.cloudIdentityUrl, email);
  }
}

/** Pages of one answer; more than this is no answer to a question about one person. */
const maximumPages = 20;

async function* pages<Page extends { readonly nextPageToken?: string }>(api: GoogleApi, url: URL) {
  for (let count = 0; count < maximumPages; count++) {
    const page = await api.get<Page>(url.href);
    yield page;
    if (page.nextPageToken === undefined || page.nextPageToken === '') return;
    url.searchParams.set('pageToken', page.nextPageToken);
  }
  throw new GoogleApiError(200, null, `the Google directory answered with more than ${maximumPages} pages`);
}

/** @param key id or e-mail of a person, or the e-mail of a group */
async function directGroups(api: GoogleApi, groupsUrl: string, key: string): Promise<string[]> {
  const url = new URL(groupsUrl);
  url.searchParams.set('userKey', key);
  url.searchParams.set('maxResults', '200');
  const emails: string[] = [];
  for await (const { groups = [] } of pages<{ groups?: readonly { email: string }[]; nextPageToken?: string }>(
    api,
    url,
  )) {
    emails.push(...groups.map(({ email }) => email));
  }
  return emails;
}

/** Milliseconds that the groups above a group are kept: people of one sweep are in the same groups, and Google counts calls. */
const parentsAge = minute;

/** A group that was deleted meanwhile is in none. */
function keepParents(parentsOf: (group: string) => Promise<readonly string[]>, now: () => number) {
  const kept = new Map<string, Promise<readonly string[]>>();
  let since = now();
  return (group: string): Promise<readonly string[]> => {
    if (now() - since >= parentsAge) {
      kept.clear();
      since = now();
    }
    const known = kept.get(group);
    if (known !== undefined) return known;
    const parents = parentsOf(group).catch((error: unknown) => {
      if (isNotFound(error)) return [];
      kept.delete(group);
      throw error;
    });
    kept.set(group, parents);
    return parents;
  };
}

/** Groups may hold each other in a circle: each is asked about once. */
async function climb(
  first: readonly string[],
  parentsOf: (group: string) => Promise<readonly string[]>,
  depth: number,
): Promise<string[]> {
  const seen = new Set(first);
  let level = [...first];
  for (let height = 0; height < depth && level.length > 0; height++) {
    const above: string[] = [];
    for (const group of level) above.push(...(await parentsOf(group)));
    level = [...new Set(above)].filter((group) => !seen.has(group));
    for (const group of level) seen.add(group);
  }
  return [...seen];
}

/** `hasMember` sees groups in groups, but takes members of its own domain alone and answers 400 for others. */
async function isMember(api: GoogleApi, groupsUrl: string, group: string, person: string): Promise<boolean> {
  const groupUrl = `${groupsUrl}/${encodeURIComponent(group)}`;
  const member = encodeURIComponent(person);
  try {
    return (await api.get<{ isMember?: boolean }>(`${groupUrl}/hasMember/${member}`)).isMember === true;
  } catch (error) {
    if (isNotFound(error)) return false; // the policy names a group that is not there
    if (!(error instanceof GoogleApiError) || error.status !== 400) throw error;
  }
  try {
    return (await api.get<{ status?: string }>(`${groupUrl}/members/${member}`)).status === 'ACTIVE';
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

async function transitiveGroups(api: GoogleApi, base: string, email: string): Promise<string[]> {
  const url = new URL(`${base}/v1/groups/-/memberships:searchTransitiveGroups`);
  const quoted = email.replaceAll(/[\\']/g, '\\$&');
  const label = `'cloudidentity.googleapis.com/groups.discussion_forum' in labels`;
  url.searchParams.set('query', `member_key_id == '${quoted}' && ${label}`);
  url.searchParams.set('pageSize', '200');
  const emails: string[] = [];
  type Page = { memberships?: readonly { groupKey?: { id?: string } }[]; nextPageToken?: string };
  for await (const { memberships = [] } of pages<Page>(api, url)) {
    for (const { groupKey } of memberships) if (groupKey?.id !== undefined) emails.push(groupKey.id);
  }
  return emails;
}
