/** Owns when the pages are loaded: behind the first logins, as a quarter of a start would be theirs. */
import type { RequestListener } from 'node:http';

/** Milliseconds of a start that belong to the realm: after an outage every client asks it at once. */
const headStart = 500;

export type LatePages = {
  /** Someone who asks before the pages are loaded waits for them. */
  readonly answer: RequestListener;
  /** Resolves when the pages are loaded; never where the service stops before anyone asked. Rejects where they can't be. */
  readonly loaded: Promise<void>;
  /** Resolves when nothing is loading. */
  ended(): Promise<void>;
};

/**
 * @param load called once: for the first request, or by itself after a while, so that no visitor has to find out what is missing
 * @param stopping once it's aborted, only a request begins to load
 */
export function createLatePages(load: () => Promise<RequestListener>, stopping: AbortSignal): LatePages {
  const { promise: loaded, resolve, reject } = Promise.withResolvers<void>();
  // `serve` looks at it. A test that starts the service in its own process doesn't have to.
  loaded.catch(() => {});
  let pages: Promise<RequestListener> | undefined;
  const begin = (): Promise<RequestListener> => {
    if (pages === undefined) {
      pages = load();
      pages.then(() => resolve(), reject);
    }
    return pages;
  };
  const timer = setTimeout(begin, headStart).unref();
  stopping.addEventListener('abort', () => clearTimeout(timer), { once: true });
  return {
    answer(request, response) {
      begin().then(
        (answer) => answer(request, response),
        () => response.destroy(),
      );
    },
    loaded,
    async ended() {
      await pages?.catch(() => {});
    },
  };
}
