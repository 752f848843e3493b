/** Owns when to believe that people have left: by provider and domain, because one's leavers must not stop the off-boarding of another's. */
import { day } from '../lib/time.ts';
import type { AccountStore, TeamCount } from '../store/accounts.ts';
import type { LeaseStore } from '../store/leases.ts';
import type { Asked } from './round.ts';
import { isTooMany, usualPart } from './safety-limit.ts';

/** Someone suspended, or asked to sign in again, may be back tomorrow: three of them weigh as much as one deleted. */
export const lightWeight = 1 / 3;

export type Leaving = {
  readonly believed: readonly Asked[];
  /** Why some aren't believed; one sentence each. */
  readonly doubts: readonly string[];
  /** Of those who were asked about: the teams that are believed, and those that aren't. */
  readonly teams: { readonly believed: readonly string[]; readonly held: readonly string[] };
};

type LimitParts = Pick<AccountStore, 'countTeams'>;

/** @param likely those who have left, as far as their provider says  @param at epoch milliseconds */
export async function withinLimit(accounts: LimitParts, likely: readonly Asked[], at: number): Promise<Leaving> {
  if (likely.length === 0) return { believed: [], doubts: [], teams: { believed: [], held: [] } };
  const counts = await accounts.countTeams(at, at - day);
  const believed: Asked[] = [];
  const doubts: string[] = [];
  const teams: { believed: string[]; held: string[] } = { believed: [], held: [] };
  for (const [team, leaving] of Map.groupBy(likely, ({ account }) => teamOf(account))) {
    const doubt = doubtOf(leaving, counts);
    teams[doubt === null ? 'believed' : 'held'].push(team);
    if (doubt === null) believed.push(...leaving);
    else doubts.push(doubt);
  }
  return { believed, doubts, teams };
}

function teamOf({ provider, domain }: Pick<Asked['account'], 'provider' | 'domain'>): string {
  return JSON.stringify([provider, domain]);
}

/** Sign-ins must not do one by one what the limit keeps a sweep from doing: a sweep notes which teams it holds. */
export type HeldTeams = {
  note(leaving: Leaving, at: number): Promise<void>;
  /** Whether the limit leaves room for one more leaver of this team. */
  believes(one: Asked): Promise<boolean>;
};

/** Milliseconds: each sweep that finds the same notes it again. */
const heldFor = day;

export function createHeldTeams(accounts: LimitParts, leases: LeaseStore): HeldTeams {
  const nameOf = (team: string) => `held ${team}`;
  return {
    async note({ teams }, at) {
      for (const team of teams.held) await leases.put(nameOf(team), 'sweep', at + heldFor);
      for (const team of teams.believed) await leases.release(nameOf(team), 'sweep');
    },
    async believes(one) {
      if ((await leases.holder(nameOf(teamOf(one.account)), one.at)) !== undefined) return false;
      return (await withinLimit(accounts, [one], one.at)).believed.length > 0;
    },
  };
}

function doubtOf(leaving: readonly Asked[], counts: readonly TeamCount[]): string | null {
  const [first] = leaving;
  if (first === undefined) return null;
  const { provider, domain } = first.account;
  const team = counts.find((count) => teamOf(count) === teamOf(first.account));
  const { holders = leaving.length, gone = 0, suspended = 0 } = team ?? {};
  const weight = gone + suspended * lightWeight + leaving.reduce((sum, { status }) => sum + weightOf(status), 0);
  const all = holders + gone + suspended;
  if (!isTooMany(weight, all)) return null;
  const people = `${leaving.length + gone + suspended} of ${all} people of ${provider}${domain === null ? '' : ` at ${domain}`}`;
  return `${people} would have lost their passwords within a day, which is more than ${usualPart * 100}%. No one else loses theirs until someone has checked: dockpass sweep --dry-run shows who, and --beyond-limit goes ahead`;
}

function weightOf(status: Asked['status']): number {
  return status.kind === 'sign-in' || (status.kind === 'gone' && status.suspended === true) ? lightWeight : 1;
}
