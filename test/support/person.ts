/** Owns what a person does on the pages, over HTTP: creates a password, revokes it. The visitor must be signed in. */
import type { Page, Visitor } from './visitor.ts';

export type Wish = { readonly name?: string; readonly access?: 'full' | 'pull'; readonly repositories?: string };

/** Sends the form. @returns the secret that the page shows, or null with the page that came instead */
export async function createPassword(
  visitor: Visitor,
  url: string,
  { name = 'Laptop', access = 'full', repositories = '' }: Wish = {},
): Promise<{ secret: string | null; page: Page }> {
  const form = await visitor.open(`${url}/passwords/new`);
  const page = await visitor.submit(form, `${url}/passwords`, { name, days: '7', access, repositories });
  return { secret: /\bdkp_[0-9A-Za-z]{36}\b/.exec(page.body)?.[0] ?? null, page };
}

/** Revokes the first active password of the list. @returns the page that this ends on; null where there is none to revoke */
export async function revokePassword(visitor: Visitor, url: string): Promise<Page | null> {
  const home = await visitor.open(`${url}/`);
  const link = /\/passwords\/[^/"]+\/revoke/.exec(home.body)?.[0];
  if (link === undefined) return null;
  const question = await visitor.open(new URL(link, home.url));
  return visitor.submit(question, question.url, {});
}
