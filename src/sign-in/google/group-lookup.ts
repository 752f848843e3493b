/** Owns the four ways of asking Google for a person's groups; each returns the primary e-mail addresses of groups. */
import { createGrowingCache } from '../../lib/growing-cache.ts';
import type { Log } from '../../lib/log.ts';
import { minute } from '../../lib/time.ts';
import { isGroupsPage, isHasMember, isMembership, isMembershipsPage } from './directory-answers.ts';
import { type GoogleApi, GoogleApiError, isAboutOneGroup, isNotFound } from './directory-api.ts';

/**
 * `direct`: groups that list the person. `recursive`: also the groups that contain these. `configured`: of the groups
 * that the policy names, those that contain the person, directly or not. `transitive`: all, in one call of Cloud
 * Identity, which needs Enterprise Standard or better.
 */
export const groupStrategies = ['direct', 'recursive', 'configured', 'transitive'] as const;
export type GroupStrategy = (typeof groupStrategies)[number];

/** Whom to ask about. `customer` is the Workspace's id, C0123abcd; `null` where it isn't known. */
export type Member = { readonly subject: string; readonly email: string; readonly customer: string | null };

export type Lookup = {
  /** E-mail addresses, as Google writes them. */
  readonly groups: readonly string[];
  /** Groups of which Google doesn't say whether the person is in them. */
  readonly undecided: readonly string[];
};

/** @throws what GoogleApi throws where the groups can't be found out at all */
export type GroupLookup = (member: Member) => Promise<Lookup>;

export type GroupLookupSettings = {
  readonly strategy: GroupStrategy;
  /** How many levels of groups in groups `recursive` climbs. */
  readonly depth: number;
  /** Without a slash at the end. */
  readonly directoryUrl: string;
  readonly cloudIdentityUrl: string;
  /** Domains whose groups count. Others belong to strangers, who decide who is in them. */
  readonly groupDomains: readonly string[];
};

export type GroupLookupParts = {
  readonly api: GoogleApi;
  /** The e-mail addresses of the groups that the policy in force names, for `configured`. */
  readonly named: () => readonly string[];
  readonly log: Pick<Log, 'warn'>;
  readonly now: () => number;
};

/**
 * Google lists groups of strangers too: anyone can add a person to a group of theirs. They are dropped here, before
 * anything else is asked about them.
 */
export function createGroupLookup(settings: GroupLookupSettings, parts: GroupLookupParts): GroupLookup {
  const { api, log } = parts;
  const groupsUrl = `${settings.directoryUrl}/admin/directory/v1/groups`;
  const isOwn = (group: string) => settings.groupDomains.some((domain) => group.toLowerCase().endsWith(`@${domain}`));
  const own = (groups: readonly string[]): Lookup => ({ groups: groups.filter(isOwn), undecided: [] });
  const parentsOf = async (key: string) => (await directGroups(api, groupsUrl, key)).filter(isOwn);
  const parentsOfGroup = keepParents(parentsIfThere(parentsOf), parts.now);
  switch (settings.strategy) {
    case 'direct':
      return async ({ subject }) => own(await parentsOf(subject));
    case 'recursive':
      return async ({ subject }) => own(await climb(await parentsOf(subject), parentsOfGroup, settings.depth));
    case 'configured':
      return async ({ subject }) => configuredGroups({ api, groupsUrl, log }, parts.named().filter(isOwn), subject);
    case 'transitive':
      return async (member) => own(await transitiveGroups(api, settings.cloudIdentityUrl, member));
  }
}

/** Pages of one answer; more than this can't be about one person. */
const maximumPages = 20;

async function* pages<Page extends { readonly nextPageToken?: string }>(
  api: GoogleApi,
  url: URL,
  isPage: (body: unknown) => body is Page,
) {
  for (let count = 0; count < maximumPages; count++) {
    const page = await api.get(url.href, isPage);
    yield page;
    if (page.nextPageToken === undefined || page.nextPageToken === '') return;
    url.searchParams.set('pageToken', page.nextPageToken);
  }
  throw new GoogleApiError(200, null, `there are more than ${maximumPages} pages`);
}

/** @param key id or e-mail of a person, or the e-mail of a group */
async function directGroups(api: GoogleApi, groupsUrl: string, key: string): Promise<string[]> {
  const url = new URL(groupsUrl);
  url.searchParams.set('userKey', key);
  url.searchParams.set('maxResults', '200');
  const emails: string[] = [];
  for await (const { groups = [] } of pages(api, url, isGroupsPage)) {
    emails.push(...groups.map(({ email }) => email));
  }
  return emails;
}

/**
 * A group that was deleted a moment ago is in no other group. What another refusal hides can be a group from which a rule
 * takes something away, so it leaves the person's groups unknown.
 */
function parentsIfThere(parentsOf: (group: string) => Promise<readonly string[]>) {
  return async (group: string): Promise<readonly string[]> => {
    try {
      return await parentsOf(group);
    } catch (error) {
      if (isNotFound(error, 'userKey')) return [];
      throw error instanceof GoogleApiError ? error.about(group) : error;
    }
  };
}

/** Milliseconds to keep the groups above a group: people of one sweep share their groups, and Google counts calls. */
const parentsAge = minute;
/** Groups that are kept; Google is asked again about the others. */
const maximumKept = 10_000;

function keepParents(parentsOf: (group: string) => Promise<readonly string[]>, now: () => number) {
  const kept = createGrowingCache<string, { readonly parents: Promise<readonly string[]>; readonly at: number }>(
    maximumKept,
  );
  return (group: string): Promise<readonly string[]> => {
    const at = now();
    const known = kept.get(group);
    if (known !== undefined && Math.abs(at - known.at) < parentsAge) return known.parents;
    const asked = { parents: parentsOf(group), at };
    kept.set(group, asked);
    asked.parents.catch(() => {
      if (kept.get(group) === asked) kept.delete(group);
    });
    return asked.parents;
  };
}

/** Groups can contain each other in a circle: each is asked about once. */
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

type Configured = { readonly api: GoogleApi; readonly groupsUrl: string; readonly log: Pick<Log, 'warn'> };

/** @throws the first error where no group at all can be asked about: then Google refuses Dockpass and not a group */
async function configuredGroups(parts: Configured, named: readonly string[], person: string): Promise<Lookup> {
  const groups: string[] = [];
  const undecided: string[] = [];
  const refused: GoogleApiError[] = [];
  for (const group of named) {
    try {
      const member = await isMember(parts, group, person);
      if (member === true) groups.push(group);
      if (member === null) undecided.push(group);
    } catch (error) {
      if (!isAboutOneGroup(error)) throw error;
      refused.push(error);
      undecided.push(group);
      parts.log.warn({ group, reason: error.message }, 'a Google group that the policy names cannot be read');
    }
  }
  const [first] = refused;
  if (first !== undefined && refused.length === named.length) throw first;
  return { groups, undecided };
}

/**
 * `hasMember` sees groups in groups, but only for members of the group's own domain; for others it answers 400 and only
 * direct membership can be found out (developers.google.com/workspace/admin/directory/reference/rest/v1/members/hasMember).
 * @returns `null` where nested membership can't be found out
 */
async function isMember({ api, groupsUrl }: Configured, group: string, person: string): Promise<boolean | null> {
  const groupUrl = `${groupsUrl}/${encodeURIComponent(group)}`;
  const member = encodeURIComponent(person);
  try {
    return (await api.get(`${groupUrl}/hasMember/${member}`, isHasMember)).isMember;
  } catch (error) {
    if (isNotFound(error, 'groupKey')) return false; // the policy names a group that doesn't exist
    if (!(error instanceof GoogleApiError) || error.status !== 400) throw error;
  }
  try {
    return (await api.get(`${groupUrl}/members/${member}`, isMembership)).status === 'ACTIVE' ? true : null;
  } catch (error) {
    if (isNotFound(error, 'memberKey')) return null;
    throw error;
  }
}

/**
 * Without a parent, the whole call is refused as soon as one group of the person can't be seen by any administrator
 * here; within the own customer all can (cloud.google.com/identity/docs/reference/rest/v1/groups.memberships/searchTransitiveGroups).
 */
async function transitiveGroups(api: GoogleApi, base: string, { email, customer }: Member): Promise<string[]> {
  const url = new URL(`${base}/v1/groups/-/memberships:searchTransitiveGroups`);
  const quoted = email.replaceAll(/[\\']/g, '\\$&');
  const label = `'cloudidentity.googleapis.com/groups.discussion_forum' in labels`;
  const parent = customer === null ? '' : ` && parent == 'customers/${customer}'`;
  url.searchParams.set('query', `member_key_id == '${quoted}' && ${label}${parent}`);
  url.searchParams.set('pageSize', '200');
  const emails: string[] = [];
  for await (const { memberships = [] } of pages(api, url, isMembershipsPage)) {
    emails.push(...memberships.map(({ groupKey }) => groupKey.id));
  }
  return emails;
}
