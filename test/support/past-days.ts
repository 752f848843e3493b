/** Writes a month of logins and denials: working days have more, and two have none, as Dockpass didn't run. */
import type { Store } from '../../src/store/store.ts';

const day = 24 * 60 * 60 * 1000;

/** @param passwordIds whose logins are among them  @param today epoch milliseconds */
export async function writeDays(store: Store, passwordIds: readonly string[], today: number): Promise<void> {
  const counts = Array.from({ length: 29 }, (_, index) => index + 1)
    .filter((ago) => ago !== 16 && ago !== 17)
    .flatMap((ago) => {
      const date = Math.floor(today / day) - ago;
      const isQuiet = [0, 6].includes(new Date(date * day).getUTCDay());
      const logins = (isQuiet ? 12 : 60) + ((ago * 7) % 23);
      const ofPassword = (passwordId: string, index: number) => ({
        ...{ passwordId, day: date, denials: 0 },
        logins: Math.round(logins / (index + 2)),
      });
      return [{ passwordId: null, day: date, logins, denials: (ago * 5) % 7 }, ...passwordIds.map(ofPassword)];
    });
  await store.dailyCounts.add(counts);
}
