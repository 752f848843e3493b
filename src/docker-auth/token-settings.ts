/** Owns what docker_auth takes in `token` and Dockpass would refuse at the start, or sign with in vain. */
import { dateOf } from '../lib/time.ts';
import type { Entry, Place, Reader } from '../policy/reader.ts';

/** What is looked up outside the file. */
export type Surroundings = {
  /** The end of the certificate in a file, in epoch milliseconds; `null` where it can't be read. */
  readonly certificateEnd?: (file: string) => number | null;
  /** Epoch milliseconds. */
  readonly now?: number;
};

/** Seconds that a token can live here (config/services.ts). */
const lifetimes = { minimum: 60, maximum: 86_400 };

/** What docker_auth takes and `serve` would refuse, or docker_auth wouldn't start with. */
export function checkToken(
  reader: Reader,
  sections: readonly Entry[],
  settings: Map<string, string>,
  surroundings: Surroundings,
): void {
  const token = sections.find(({ key }) => key === 'token');
  const place = token?.keyPlace ?? { line: 1, column: 1 };
  if (!settings.has('TOKEN_ISSUER')) {
    reader.report(
      place,
      'token.issuer is missing, without which docker_auth does not start; set TOKEN_ISSUER to the issuer of the registries',
      'warning',
    );
  }
  checkLifetime(reader, place, settings);
  leaveOutExpired(reader, place, settings, surroundings);
}

function checkLifetime(reader: Reader, place: Place, settings: Map<string, string>): void {
  const written = settings.get('TOKEN_LIFETIME');
  if (written === undefined) return;
  const seconds = wholeNumberOf(written);
  const lifetime = Number.isNaN(seconds) ? durationOf(written) : seconds;
  const nearest = Math.min(Math.max(lifetime, lifetimes.minimum), lifetimes.maximum);
  if (Number.isNaN(nearest)) settings.delete('TOKEN_LIFETIME');
  else settings.set('TOKEN_LIFETIME', String(nearest));
  const becomes = Number.isNaN(nearest) ? 'is left out: set it' : `becomes ${nearest}`;
  const fault = Number.isNaN(seconds)
    ? `"${written}" is no number of seconds, so docker_auth would not start with it`
    : `a token lives ${lifetimes.minimum} to ${lifetimes.maximum} seconds here`;
  if (seconds !== nearest) reader.report(place, `token.expiration: ${fault}; TOKEN_LIFETIME ${becomes}`, 'warning');
}

/** The seconds of `900s`, `15m` or `1h`, as other programs write them. */
function durationOf(text: string): number {
  const [, number = 'none', unit = ''] = /^(\d+) ?([smh])$/.exec(text) ?? [];
  return Number(number) * ({ m: 60, h: 3_600 }[unit] ?? 1);
}

/** As docker_auth's YAML reader does (gopkg.in/yaml.v2, resolve.go): `1_000`, `0x384` and the octal `01604` are numbers. */
function wholeNumberOf(text: string): number {
  const digits = text.replaceAll('_', '');
  // Of 900.5 it takes 900.
  return /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Math.trunc(Number(digits));
}

/** A registry doesn't look at the date where a token names its key only, as docker_auth's do; with a certificate in it, it does. */
function leaveOutExpired(
  reader: Reader,
  place: Place,
  settings: Map<string, string>,
  { certificateEnd, now = Date.now() }: Surroundings,
): void {
  const file = settings.get('TOKEN_CERTIFICATE_FILE');
  const end = file === undefined ? null : (certificateEnd?.(file) ?? null);
  if (end === null || end > now) return;
  settings.delete('TOKEN_CERTIFICATE_FILE');
  settings.delete('TOKEN_KEY_FILE');
  reader.report(
    place,
    `the certificate ${file} expired on ${dateOf(end)}, which registries did not notice with docker_auth; it is left out. Give the registries the bundle that Dockpass makes (registry-bundle.pem in DATA_DIR), or renew the certificate`,
    'warning',
  );
}
