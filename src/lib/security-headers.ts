/** Owns the headers that every answer has, whatever it is (OWASP ASVS 5.0, V3.4.1 and V3.4.4). */

/** Seconds: a year. */
const strictLifetime = 31_536_000;

/**
 * Names and values in turn, as Node's `writeHead` takes them.
 * @param secure whether the public URL is https; other services of the domain aren't ours to bind to it
 */
export function securityHeaders(secure: boolean): readonly string[] {
  const strict = secure ? ['Strict-Transport-Security', `max-age=${strictLifetime}`] : [];
  return ['X-Content-Type-Options', 'nosniff', ...strict];
}
