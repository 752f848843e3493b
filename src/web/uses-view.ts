/** Owns how the uses of passwords are shown: addresses, clients and repositories of 30 days. */
import type { Use, UseKind } from '../audit/uses.ts';
import { type FormattedTime, formatTime } from './time-view.ts';
import { userAgentName } from './user-agent.ts';

export type UseView = { readonly value: string; readonly last: FormattedTime };
export type UsesView = {
  readonly addresses: readonly UseView[];
  readonly clients: readonly UseView[];
  readonly repositories: readonly UseView[];
};

declare module './views.ts' {
  interface ViewData {
    uses: { uses: UsesView };
    'use-lists': { uses: UsesView };
  }
}

/** @param now epoch milliseconds */
export function usesOf(uses: readonly Use[], now: number): UsesView {
  const of = (kind: UseKind, tell: (value: string) => string): UseView[] => {
    const told = uses
      .filter((use) => use.kind === kind)
      .toSorted((a, b) => a.lastAt - b.lastAt)
      .map(({ value, lastAt }) => [tell(value), { value: tell(value), last: formatTime(lastAt, now) }] as const);
    // Two builds of one client are one line here; the later use was put in last.
    return [...new Map(told).values()].toReversed();
  };
  return {
    addresses: of('address', (value) => value),
    clients: of('client', userAgentName),
    repositories: of('repository', (value) => value),
  };
}
