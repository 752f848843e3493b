/** Owns the `notifications:` block of a registry's configuration (distribution, docs/content/about/configuration.md). */
import { stringify } from 'yaml';

export type Notifications = {
  readonly events: { readonly includereferences: boolean };
  readonly endpoints: readonly object[];
};

/**
 * @param url of Dockpass, with its path: `https://auth.example.com/`
 * @param token a value of SERVICE_<NAME>_EVENTS_TOKEN
 */
export function notificationsFor(url: URL, service: string, token: string): Notifications {
  const base = url.href.replace(/\/*$/, '');
  const endpoint = {
    ...{ name: 'dockpass', url: `${base}/registry-events/${encodeURIComponent(service)}` },
    ...{ headers: { Authorization: [`Bearer ${token}`] }, timeout: '2s', threshold: 5, backoff: '2s' },
    ignore: { mediatypes: ['application/octet-stream'], actions: ['mount'] },
  };
  // With layers and their sizes, and what an index holds.
  return { events: { includereferences: true }, endpoints: [endpoint] };
}

/** As an operator pastes it, without the token. @param setting that has it: SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN */
export function formatNotifications(url: URL, service: string, setting: string): string {
  const notifications = notificationsFor(url, service, `<the value of ${setting}>`);
  return stringify({ notifications }, { lineWidth: 0 }).trimEnd();
}
