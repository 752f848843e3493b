/** Owns which rows a page of a list has. */

export type Page = {
  /** The one that was asked for, or the last one where there are fewer; from 1. */
  readonly page: number;
  /** At least 1: an empty list has a page. */
  readonly pages: number;
  /** Rows before its first. */
  readonly offset: number;
};

/** @param size rows of a page */
export function pageOf(total: number, size: number, wanted: number): Page {
  const pages = Math.max(1, Math.ceil(total / size));
  const page = Math.min(Math.max(1, wanted), pages);
  return { page, pages, offset: (page - 1) * size };
}
