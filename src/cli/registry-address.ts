/** Owns reading the address of a registry that someone names to the doctor. */
import { UsageError } from './command.ts';

/** `registry.example.com`, `localhost:5000`, `https://registry.example.com`: without a scheme as Docker takes it. @throws {UsageError} */
export function parseAddress(address: string): URL {
  // Before anything else, since the other messages repeat the address, and a password with it.
  if (address.includes('@')) {
    throw new UsageError("A registry's address has no user name and no password: give its host.");
  }
  const scheme = /^([a-z][a-z\d+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    throw new UsageError(`A registry isn't reached by ${scheme}: write https:// or http:// before its host.`);
  }
  const isLoopback = /^(localhost|127\.[\d.]+|\[::1\])(:|\/|$)/i.test(address);
  const url = URL.parse(scheme !== undefined ? address : `${isLoopback ? 'http' : 'https'}://${address}`);
  if (url === null) throw new UsageError(`"${address}" isn't an address such as https://registry.example.com`);
  if (/^\/v2\/?$/.test(url.pathname)) url.pathname = '/'; // as the API's own address, which people copy
  if (url.href !== `${url.origin}/`) {
    throw new UsageError(`"${address}" has a path, and a registry has no path; give its host: ${url.host}`);
  }
  return url;
}
