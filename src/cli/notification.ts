/** Owns `dockpass notification ...`: a test message by the way that real ones go. */
import { randomBytes } from 'node:crypto';
import { checkWebhooks, createChannels } from '../app/notifications.ts';
import { readPolicyFile } from '../app/policy-file.ts';
import type { Config } from '../config/config.ts';
import { Refusal } from '../lib/errors.ts';
import { mailChannel, webhookChannel } from '../notify/channel.ts';
import { type Command, textOf } from './command.ts';
import { byCommandLine, configOf, withCore } from './core.ts';
import { reply } from './output.ts';

export const notificationCommands: readonly Command[] = [
  {
    name: 'notification test',
    usage: 'NAME [--to ADDRESS] [--json]',
    summary: 'Send a test message; NAME is "mail", or a webhook of WEBHOOKS',
    details: ['It takes the same path as real messages, under the same rules, and is tried once.'],
    options: {
      to: { type: 'string', value: 'ADDRESS', help: 'where to send mail (default: the first of ADMIN_EMAILS)' },
    },
    json: { fields: { channel: 'mail, or webhook:NAME', to: 'the address; null for a webhook', id: 'of the message' } },
    operands: [1, 1],
    run: async ([name = ''], values, terminal) => {
      const config = configOf(terminal);
      const to = name === mailChannel ? (textOf(values, 'to') ?? config.administrators.emails[0] ?? null) : null;
      const sent = await sendTest(config, name, to);
      reply(terminal, values, sent, [to === null ? 'Accepted.' : `Accepted for ${to}.`]);
      return 0;
    },
  },
];

type Sent = { readonly channel: string; readonly to: string | null; readonly id: string };

/** @throws {Refusal} where there is no such channel, or the message isn't accepted */
async function sendTest(config: Config, name: string, to: string | null): Promise<Sent> {
  await checkWebhooks(config);
  const policy = await readPolicyFile(config.policyFile);
  return withCore(config, async (core) => {
    const channels = await createChannels(
      config,
      core,
      () => policy,
      () => [],
    );
    const isMail = name === mailChannel;
    const channel = channels.find((one) => one.name === (isMail ? name : webhookChannel(name)));
    if (channel === undefined) throw unknownChannel(name, config);
    if (isMail && to === null) throw new Refusal('bad_request', 'Give the address to send to: --to ADDRESS.');
    const id = `test-${randomBytes(9).toString('hex')}`;
    await core.audit.write({ action: 'notification.test', ...byCommandLine, subject: channel.name, detail: { id } });
    const outcome = await channel.test(id, to);
    if (outcome.state !== 'sent') throw new Refusal('bad_gateway', `Not accepted: ${outcome.problem}`);
    return { channel: channel.name, to, id };
  });
}

function unknownChannel(name: string, { notifications }: Config): Refusal {
  const names = notifications.webhooks.map((webhook) => webhook.name).join(', ');
  const webhook = `There is no webhook "${name}". WEBHOOKS ${names === '' ? 'is not set' : `has ${names}`}.`;
  return new Refusal('not_found', name === mailChannel ? 'Mail is off: set SMTP_URL.' : webhook);
}
