/** Owns `dockpass google-events ...`: the set-up of Google's security events, and its test. */

import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { parseServiceAccountKey } from '../config/google-directory.ts';
import { Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import type { EventStream } from '../sign-in/google/risc-stream.ts';
import type { Command, Terminal, Values } from './command.ts';
import { configOf } from './core.ts';
import { reply } from './output.ts';
import { readTextFile } from './read-file.ts';

const options = {
  'key-file': {
    type: 'string',
    value: 'FILE',
    help: 'key of a service account with the role "RISC Configuration Admin" (default: GOOGLE_DIRECTORY_KEY_FILE)',
  },
} as const;

export const googleEventsCommands: readonly Command[] = [
  {
    name: 'google-events register',
    usage: '[--key-file FILE] [--json]',
    summary: 'Ask Google to report disabled and hijacked accounts to this Dockpass, and test it',
    details: [
      'Run it once, and again when PUBLIC_URL changes. First enable the RISC API in the project of your OAuth client.',
    ],
    options,
    json: { fields: { receiver: 'where Google sends events' } },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withStream(values, terminal, async (stream, receiver) => {
        await stream.register(receiver);
        await verify(stream);
        const sentence = `Google sends its security events to ${receiver}.`;
        reply(terminal, values, { receiver }, [sentence, testSent]);
      }),
  },
  {
    name: 'google-events verify',
    usage: '[--key-file FILE] [--json]',
    summary: 'Make Google send a test event, and show what is registered',
    options,
    json: { fields: { receiver: 'where Google should send events', registered: 'the stream, as Google describes it' } },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withStream(values, terminal, async (stream, receiver) => {
        const registered = await stream.read();
        const { url } = fieldsIn(registered['delivery']);
        if (url !== receiver)
          terminal.err(`Google does not send to ${receiver}: run "dockpass google-events register".`);
        await verify(stream);
        reply(terminal, values, { receiver, registered }, [JSON.stringify(registered, null, 2), testSent]);
      }),
  },
];

const testSent =
  'Google sends a test event now. It has arrived when the log of the service says "message of a provider".';

async function verify(stream: EventStream): Promise<void> {
  await stream.verify(`dockpass-${randomBytes(6).toString('hex')}`);
}

async function withStream(
  values: Values,
  terminal: Terminal,
  action: (stream: EventStream, receiver: string) => Promise<void>,
): Promise<number> {
  const config = configOf(terminal);
  const { google, publicUrl, prefix } = config;
  if (google === null || google.riscConfigurationUrl === null) {
    throw new Refusal(
      'bad_request',
      'Set GOOGLE_RISC=true first, and restart the service: it refuses events until then.',
    );
  }
  // With what signs for Google, which no other command needs.
  const { createEventStream, EventStreamError } = await import('../sign-in/google/risc-stream.ts');
  const stream = createEventStream({ url: google.riscUrl, key: await keyOf(config, values), fetch, now: Date.now });
  try {
    await action(stream, `${publicUrl.origin}${prefix}/google-events`);
    return 0;
  } catch (error) {
    if (!(error instanceof EventStreamError)) throw error;
    throw new Refusal('bad_gateway', error.message, { cause: error });
  }
}

async function keyOf({ google }: Config, values: Values) {
  const file = values['key-file'];
  if (typeof file === 'string') {
    const key = parseServiceAccountKey(await readTextFile(file));
    if (key !== null) return key;
    throw new Refusal('bad_request', `${file} is not the JSON key file of a service account.`);
  }
  const key = google?.directory?.credentials.key ?? null;
  if (key !== null) return key;
  throw new Refusal(
    'bad_request',
    'Name the key of a service account with --key-file: Google takes no other proof here. Create a key in the Google Cloud console: IAM & Admin, Service Accounts, Keys.',
  );
}
