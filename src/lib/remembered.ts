/** Owns values that take long to read: one reader at a time reads them, and again only after a while. */

/**
 * Everyone who asks while the value is being read gets that reading, failure included; a failure isn't remembered.
 * @param keptFor milliseconds
 * @param now epoch milliseconds; a value from the future counts as old
 */
export function remembered<Value>(
  read: () => Promise<Value>,
  keptFor: number,
  now: () => number,
): () => Promise<Value> {
  let known: { readonly value: Value; readonly at: number } | null = null;
  let reading: Promise<Value> | null = null;
  const readAgain = async (): Promise<Value> => {
    const value = await read();
    known = { value, at: now() };
    return value;
  };
  return async () => {
    if (known !== null && Math.abs(now() - known.at) < keptFor) return known.value;
    reading ??= readAgain().finally(() => {
      reading = null;
    });
    return reading;
  };
}
