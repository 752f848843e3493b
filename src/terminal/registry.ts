/** Owns which registry a terminal means. */

/**
 * @param wanted as people write it before an image's name, or the service's name, in any case; `null`: the only one
 * @returns the host that goes before an image's name; `null` where there is no such registry
 */
export function findRegistry(
  wanted: string | null,
  services: readonly { readonly name: string; readonly registryHost: string }[],
): string | null {
  const [only] = services;
  if (wanted === null) return services.length === 1 && only !== undefined ? only.registryHost : null;
  const name = wanted.toLowerCase();
  const isMeant = (text: string) => text.toLowerCase() === name;
  return services.find((one) => isMeant(one.registryHost) || isMeant(one.name))?.registryHost ?? null;
}
