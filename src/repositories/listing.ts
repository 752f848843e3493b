/** Owns lists of repositories for someone: searched, sorted, in pages, with nothing in them that they can't see. */
import { pageOf } from '../lib/paging.ts';
import { rights } from '../policy/repository-rights.ts';
import type { RepositoryNameRow } from '../store/repository-rows.ts';
import type { Known } from './known.ts';
import type { Viewer, Visibility, Visible } from './visibility.ts';

export type RepositorySort = 'name' | 'pushed' | 'size' | 'pulls';

export type ListQuery = {
  /** Part of the name; '' for all. */
  readonly search: string;
  readonly sort: RepositorySort;
  readonly descending: boolean;
  /** Also those without tags. */
  readonly empty: boolean;
  /** From 1. */
  readonly page: number;
};

export type ListedName = {
  readonly name: string;
  readonly canPull: boolean;
  readonly canPush: boolean;
  readonly canDelete: boolean;
};

export type ListPage = {
  readonly names: readonly ListedName[];
  /** Of those that match and that the viewer sees: there is no other total. */
  readonly total: number;
  /** The one that was asked for, or the last one where there are fewer. */
  readonly page: number;
  readonly pages: number;
};

export type Listing = {
  /** What the viewer can pull or push. A repository that they can only push to shows its name and nothing else. */
  page(viewer: Viewer, query: ListQuery): Promise<ListPage>;
  /** What the viewer can pull, in byte order, after a name. */
  after(
    viewer: Viewer,
    query: { readonly after: string; readonly limit: number; readonly empty: boolean },
  ): Promise<{ readonly names: readonly string[]; readonly hasMore: boolean }>;
};

/** Rows of a page. */
const pageSize = 50;

export function createListing(visibility: Visibility): Listing {
  const orderOf = createOrders();
  return {
    async page(viewer, query) {
      const visible = await visibility.of(viewer);
      const found = matching(visible, query, orderOf(visible.known, query));
      const { page, pages, offset } = pageOf(found.length, pageSize, query.page);
      const shown = found.subarray(offset, offset + pageSize);
      return { names: Array.from(shown, (row) => listedName(visible, row)), total: found.length, page, pages };
    },
    async after(viewer, { after, limit, empty }) {
      const visible = await visibility.of(viewer);
      const { rows } = visible.known;
      const names: string[] = [];
      for (let row = firstAfter(rows, after); row < rows.length; row += 1) {
        const known = rows[row];
        if (known === undefined || !has(visible, row, rights.pull) || (known.tags === 0 && !empty)) continue;
        if (names.length === limit) return { names, hasMore: true };
        names.push(known.name);
      }
      return { names, hasMore: false };
    },
  };
}

/** Binary search, because the last pages of a long list are asked for as often as the first. */
function firstAfter(rows: readonly RepositoryNameRow[], name: string): number {
  let [from, to] = [0, rows.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((rows[middle]?.name ?? '') > name) to = middle;
    else from = middle + 1;
  }
  return from;
}

function has({ rightsAt }: Visible, row: number, bits: number): boolean {
  return (rightsAt(row) & bits) !== 0;
}

/**
 * The places of what matches. Where only pushing is allowed, the order tells nothing either: these come last, by name. In
 * plain loops over numbers, which take a tenth of the time that lists take, and no one else is answered meanwhile.
 */
function matching(visible: Visible, { search, empty }: ListQuery, order: Uint32Array): Uint32Array {
  const { rows } = visible.known;
  const found = new Uint32Array(rows.length);
  let count = 0;
  for (let at = 0; at < order.length; at += 1) {
    const row = order[at] ?? 0;
    if (!has(visible, row, rights.pull)) continue;
    const known = rows[row];
    if (known === undefined || (known.tags === 0 && !empty)) continue;
    if (search === '' || known.name.includes(search)) found[count++] = row;
  }
  for (let row = 0; row < rows.length; row += 1) {
    if (has(visible, row, rights.pull) || !has(visible, row, rights.push)) continue;
    if (search === '' || rows[row]?.name.includes(search) === true) found[count++] = row;
  }
  return found.subarray(0, count);
}

function listedName(visible: Visible, row: number): ListedName {
  return {
    name: visible.known.rows[row]?.name ?? '',
    canPull: has(visible, row, rights.pull),
    canPush: has(visible, row, rights.push),
    canDelete: has(visible, row, rights.delete),
  };
}

const amountOf: Readonly<Record<Exclude<RepositorySort, 'name'>, (row: RepositoryNameRow) => number | null>> = {
  // Seconds and KB: number and place must fit into the 53 bits of a number.
  pushed: ({ pushed_at: at }) => (at === null ? null : Math.floor(at / 1_000)),
  size: ({ size }) => (size === null ? null : Math.floor(size / 1_024)),
  pulls: ({ recent_pulls: pulls }) => pulls,
};

/** The places of a list in another order, made once for each reading of the list: everyone's pages are cut from them. */
function createOrders(): (known: Known, query: Pick<ListQuery, 'sort' | 'descending'>) => Uint32Array {
  const orders = new WeakMap<Known, Map<string, Uint32Array>>();
  return (known, { sort, descending }) => {
    const made = orders.get(known) ?? new Map<string, Uint32Array>();
    orders.set(known, made);
    const key = `${sort} ${descending}`;
    const order = made.get(key) ?? ordered(known.rows, sort, descending);
    made.set(key, order);
    return order;
  };
}

/** Equal ones by name, and unknown values last either way. Numbers are sorted natively: a comparison each takes ten times as long. */
function ordered(rows: readonly RepositoryNameRow[], sort: RepositorySort, descending: boolean): Uint32Array {
  const places = new Uint32Array(rows.length);
  if (sort === 'name') {
    for (let row = 0; row < rows.length; row += 1) places[row] = descending ? rows.length - 1 - row : row;
    return places;
  }
  const room = 2 ** Math.ceil(Math.log2(rows.length + 1));
  const largest = Math.floor(Number.MAX_SAFE_INTEGER / room) - 1;
  const keys = new Float64Array(rows.length);
  for (let row = 0; row < rows.length; row += 1) {
    const known = rows[row];
    const amount = known === undefined ? null : amountOf[sort](known);
    const capped = Math.min(amount ?? 0, largest - 1);
    keys[row] = (amount === null ? largest : descending ? largest - 1 - capped : capped) * room + row;
  }
  keys.sort();
  for (let at = 0; at < keys.length; at += 1) places[at] = (keys[at] ?? 0) % room;
  return places;
}
