/** Owns how a warning is shown on a page: in the log it names pages by their paths, here they're links in words. */
import { capitalized } from '../../lib/capitalized.ts';

/** Text, or a link to a page of Dockpass. */
export type WarningPart = { readonly text: string; readonly path: string | null };

const pageNames: Readonly<Record<string, string>> = {
  '/admin/people?state=unvouched': 'the suspended accounts',
  '/admin/robots': 'Robots',
};

export function warningParts(warning: string): WarningPart[] {
  return capitalized(warning)
    .split(/(\/admin\/[\w/?=&-]+)/)
    .map((text) => (text.startsWith('/admin/') ? { text: pageNames[text] ?? text, path: text } : { text, path: null }));
}
