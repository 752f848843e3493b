/** Owns `dockpass key ...`: the keys that sign tokens. A running service hears of a change within half a minute. */
import { type Core, openSigningKeys } from '../app/core.ts';
import { isServed } from '../app/installation.ts';
import type { Config } from '../config/config.ts';
import type { Jwks, KeyDescription, KeyRing, RecordChange } from '../keys/key-ring.ts';
import { addPublished, readPublished } from '../keys/published.ts';
import { Refusal } from '../lib/errors.ts';
import { minuteOf } from '../lib/time.ts';
import { type Command, type Terminal, textOf, UsageError, type Values } from './command.ts';
import { byCommandLine, configOf, serviceNamed, withCore } from './core.ts';
import { keyFields } from './json-fields.ts';
import { type Column, confirm, reply, replyList } from './output.ts';

const service = {
  type: 'string',
  value: 'NAME',
  help: 'of a service that has keys of its own (SERVICE_<NAME>_SEPARATE_KEY)',
} as const;

export const keyCommands: readonly Command[] = [
  {
    name: 'key list',
    usage: '[--service NAME] [--json]',
    summary: 'List the keys that sign tokens, the authorities that certify them, and what should be done soon',
    options: { service },
    json: { list: true, fields: keyFields },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withRing(values, terminal, async (ring) => {
        replyList(terminal, values, ring.list(), columns, null);
        for (const warning of ring.warnings()) terminal.err(warning);
      }),
  },
  {
    name: 'key rotate',
    usage: '[--service NAME] [--now | --authority] [--yes] [--json]',
    summary: 'Switch to the next signing key; registries with the certificate bundle need no restart',
    details: [
      'The next key is already published. It signs in two minutes, when every replica knows it, or once it has been published for ten; the time is printed. The old key is kept until its last token has expired.',
    ],
    options: {
      service,
      now: {
        type: 'boolean',
        help: 'switch immediately; another replica can sign with the old key for half a minute longer',
      },
      authority: {
        type: 'boolean',
        help: 'make a new certificate authority instead; the next "key rotate" after that uses it',
      },
      yes: {
        type: 'boolean',
        help: 'rotate although registries that read keys from a file (TOKEN_HEADER=kid) refuse tokens until they have the new one',
      },
    },
    json: { fields: { signsFrom: 'when the next key signs, epoch milliseconds; null with --authority' } },
    operands: [0, 0],
    run(_operands, values, terminal) {
      if (values['now'] === true && values['authority'] === true) {
        throw new UsageError("--now and --authority can't be combined.");
      }
      return withRing(values, terminal, (ring, record, config) => {
        if (values['authority'] === true) return addAuthority(ring, values, terminal, record);
        if (values['yes'] !== true) refuseWithoutNewFile(ring, config);
        return rotate(ring, values, terminal, record);
      });
    },
  },
  {
    name: 'key export',
    usage: '[--service NAME] [--jwks] [--json]',
    summary: 'Write the certificates that registries must trust (PEM, for `rootcertbundle`) to standard output',
    options: {
      service,
      jwks: {
        type: 'boolean',
        help: 'the public keys for `jwks` instead, of a registry 3.x whose service has TOKEN_HEADER=kid',
      },
    },
    json: { fields: { bundle: 'the certificates, PEM; with --jwks instead: keys, the JSON Web Key Set' } },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withRing(values, terminal, async (ring, _record, config, core) => {
        const { bundle, jwks } = await publicOf(ring, config, core, terminal);
        const isJwks = values['jwks'] === true;
        const text = isJwks ? JSON.stringify(jwks, null, 2) : bundle.trimEnd();
        reply(terminal, values, isJwks ? jwks : { bundle }, [text]);
      }),
  },
];

/**
 * Of an operator's own keys, a service that runs can still sign with one that its files held before. Without one, that key can
 * be one that leaked.
 */
async function publicOf(
  ring: KeyRing,
  { keyRings }: Config,
  { store }: Core,
  terminal: Terminal,
): Promise<{ bundle: string; jwks: Jwks }> {
  const settings = keyRings.find(({ name }) => name === ring.name);
  const own = { bundle: ring.bundle(), jwks: ring.jwks() };
  if (settings === undefined || settings.own === null || !(await isServed(store, Date.now()))) return own;
  const all = addPublished(await readPublished(settings), ring);
  if (all.jwks.keys.length > own.jwks.keys.length || all.bundle !== own.bundle)
    terminal.err(
      'Dockpass is running and can still sign with the key that its files held before: this has that key, too. If it leaked, stop Dockpass, and run this again.',
    );
  return all;
}

/**
 * Registries with a `jwks` know the keys that were in the file when they started: the one that signs and the one that waits. After
 * a rotation the one that waits is new, so the next rotation signs with a key that they never saw.
 */
function refuseWithoutNewFile(ring: KeyRing, { services, keyRings }: Config): void {
  const names = services.filter((one) => one.ring === ring.name && one.tokenHeader === 'kid').map(({ name }) => name);
  const { jwksFile = '', own = null } = keyRings.find(({ name }) => name === ring.name) ?? {};
  if (names.length === 0 || own !== null) return;
  throw new Refusal(
    'conflict',
    `The registries of ${names.join(', ')} read the keys from a file, once, when they start. Copy ${jwksFile} to each of them and restart it; then rotate with --yes. Without that they can refuse every token.`,
  );
}

async function rotate(ring: KeyRing, values: Values, terminal: Terminal, record: RecordChange): Promise<void> {
  const signsFrom = await ring.rotate(values['now'] === true, record);
  confirm(terminal, values, { signsFrom }, `The next key signs from ${new Date(signsFrom).toISOString()} on.`);
}

async function addAuthority(ring: KeyRing, values: Values, terminal: Terminal, record: RecordChange): Promise<void> {
  await ring.addAuthority(record);
  confirm(terminal, values, { signsFrom: null }, 'A new certificate authority is in the bundle, beside the old one.');
  for (const warning of ring.warnings()) terminal.err(warning);
}

/** Opens the keys of the service that `--service` names, and closes everything whatever happens. */
async function withRing(
  values: Values,
  terminal: Terminal,
  action: (ring: KeyRing, record: RecordChange, config: Config, core: Core) => Promise<void>,
): Promise<number> {
  const config = configOf(terminal);
  const name = ringOf(config, textOf(values, 'service'));
  return withCore(config, async (core) => {
    const keys = await openSigningKeys(config, core, 'command');
    const record: RecordChange = (from, change) => {
      const what = from === null ? 'key.authority' : 'key.rotate';
      const detail = from === null ? {} : { from: new Date(from).toISOString() };
      return core.audit.commit({ action: what, ...byCommandLine, subject: name, detail }, change);
    };
    await action(keys.ring(name), record, config, core);
    return 0;
  });
}

function ringOf(config: Config, service: string | null): string {
  if (service !== null) return serviceNamed(config, service).ring;
  if (config.keyRings.some(({ name }) => name === '')) return '';
  throw new UsageError('Every service has keys of its own: say which with --service NAME.');
}

const columns: readonly Column<KeyDescription>[] = [
  ['#', ({ number }) => String(number)],
  ['STATE', ({ state }) => state],
  ['ALGORITHM', ({ algorithm }) => algorithm],
  ['ID', ({ id }) => id],
  ['MADE', ({ createdAt }) => (createdAt === null ? '-' : minuteOf(createdAt))],
  ['SIGNS FROM', ({ signsFrom }) => (signsFrom === null ? '-' : minuteOf(signsFrom))],
  ['CERTIFICATE UNTIL', ({ expiresAt }) => minuteOf(expiresAt)],
];
