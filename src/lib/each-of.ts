/** Owns doing something with many items, a few of them at the same time. */

/**
 * @param together how many at the same time
 * @throws what the first that failed threw: none is begun after it, and those that were begun have ended
 */
export async function eachOf<Item>(
  items: readonly Item[],
  together: number,
  action: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    for (const item of waiting) {
      if (failures.length > 0) return;
      await action(item).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: together }, work));
  if (failures.length > 0) throw failures[0];
}
