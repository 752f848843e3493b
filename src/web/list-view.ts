/** Owns what the pages of long lists share: the heads of columns that sort, and the addresses of the other pages. */
import { type Fields, numberIn, oneOf } from './fields.ts';
import type { ViewData } from './views.ts';

declare module './views.ts' {
  interface ViewData {
    /** The head of a column by which the list can be sorted. */
    'sort-link': { label: string; href: string; order: 'ascending' | 'descending' | null };
    pager: { pager: Pager; what: string };
  }
}

/** Addresses of the other pages of a list; `null` where there is none. */
export type Pager = {
  readonly page: number;
  readonly pages: number;
  readonly first: string;
  readonly previous: string | null;
  readonly next: string | null;
  readonly last: string;
};

/** How a list can be sorted. */
export type Sorting<Sort extends string> = {
  /** The first is that of a list that was asked for without one. */
  readonly sorts: readonly [Sort, ...Sort[]];
  /** Where a first click on the column means the other direction: not from A, but from the latest or the most. */
  readonly downFirst: readonly Sort[];
};

export type Sorted<Sort extends string> = { readonly sort: Sort; readonly descending: boolean };

/** What an address says: `?sort=...&order=...` */
export function readSorting<Sort extends string>({ sorts, downFirst }: Sorting<Sort>, field: Fields): Sorted<Sort> {
  const sort = oneOf(sorts, field('sort')) ?? sorts[0];
  const order = field('order');
  return { sort, descending: order === '' ? downFirst.includes(sort) : order === 'down' };
}

/** The same for an address; `null` for what counts where it says nothing. */
export function sortingFields<Sort extends string>(
  sorting: Sorting<Sort>,
  sorted: Sorted<Sort>,
): { readonly sort: Sort | null; readonly order: 'up' | 'down' | null } {
  return { sort: sorted.sort === sorting.sorts[0] ? null : sorted.sort, order: orderOf(sorting, sorted) };
}

/** The direction as it's written in an address; `null` for the one that the column begins with. */
export function orderOf<Sort extends string>(
  { downFirst }: Sorting<Sort>,
  { sort, descending }: Sorted<Sort>,
): 'up' | 'down' | null {
  return descending === downFirst.includes(sort) ? null : descending ? 'down' : 'up';
}

/** @param hrefOf the address of the same list in another order */
export function createSortLinks<Sort extends string>(
  { downFirst }: Sorting<Sort>,
  sorted: Sorted<Sort>,
  hrefOf: (sorted: Sorted<Sort>) => string,
): (sort: Sort, label: string) => ViewData['sort-link'] {
  return (sort, label) => {
    const isCurrent = sorted.sort === sort;
    const descending = isCurrent ? !sorted.descending : downFirst.includes(sort);
    const order = isCurrent ? (sorted.descending ? 'descending' : 'ascending') : null;
    return { label, order, href: hrefOf({ sort, descending }) };
  };
}

/** The page that an address asks for, from 1. */
export function pageIn(field: Fields): number {
  const page = numberIn(field('page'));
  return page > 0 ? page : 1;
}

/** @param hrefOf the address of a page; the first needs no number */
export function pagerOf(
  { page, pages }: { readonly page: number; readonly pages: number },
  hrefOf: (page: number | null) => string,
): Pager {
  const href = (target: number) => hrefOf(target === 1 ? null : target);
  const to = (target: number) => (target < 1 || target > pages ? null : href(target));
  return { page, pages, first: href(1), previous: to(page - 1), next: to(page + 1), last: href(pages) };
}
