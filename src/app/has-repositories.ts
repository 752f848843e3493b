/** Owns which services have a list of repositories: those that report events, or that Dockpass can read. */
import type { ServiceConfig } from '../config/services.ts';

export function hasRepositories({ eventsTokens, url }: Pick<ServiceConfig, 'eventsTokens' | 'url'>): boolean {
  return eventsTokens.length > 0 || url !== null;
}
