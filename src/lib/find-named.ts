/** Owns the search for what someone names, in the letters of its name or in others. */

/**
 * The item with this name; without one, the item whose name is the same once it's folded. `undefined` where several are: which
 * one is meant must not be a matter of luck.
 * @param fold what makes names equal; their case, unless given
 */
export function findNamed<Item>(
  items: readonly Item[],
  name: string,
  nameOf: (item: Item) => string,
  fold = (text: string): string => text.toLowerCase(),
): Item | undefined {
  for (const form of [(text: string) => text, fold]) {
    const wanted = form(name);
    const [found, ...others] = items.filter((item) => form(nameOf(item)) === wanted);
    if (found !== undefined) return others.length === 0 ? found : undefined;
  }
  return undefined;
}

/** The one item with this host, written with the port that everyone leaves out, with the dot of the root, in any case. */
export function findByHost<Item extends { readonly registryHost: string }>(
  items: readonly Item[],
  host: string,
): Item | undefined {
  return findNamed(items, host.toLowerCase(), ({ registryHost }) => registryHost.toLowerCase(), foldHost);
}

function foldHost(host: string): string {
  return host.replace(/\.?(?::(?:443|80))?$/, '').replace(/\.(?=:\d+$)/, '');
}
