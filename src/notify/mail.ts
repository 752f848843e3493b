/** Owns mail as a channel: what a message says is looked up and checked when it's sent, and goes over SMTP with nodemailer. */
import { errorCode, errorMessage } from '../lib/errors.ts';
import { fieldsIn, isRecord, readJson } from '../lib/json.ts';
import { minute } from '../lib/time.ts';
import type { Account } from '../store/accounts.ts';
import type { MessageRow } from '../store/notification-messages.ts';
import type { ItemRow } from '../store/notifications.ts';
import { isCategory, type Preferences } from './categories.ts';
import { type Channel, mailChannel, type Outcome } from './channel.ts';
import { type Letter, type Line, writeLetter } from './letter.ts';
import type { Facts, NoticeParts } from './notice.ts';
import { noticeOf } from './notices.ts';
import { addressOf } from './readers.ts';
import { type SendMail, UnsendableAddress } from './smtp.ts';
import { plain } from './text.ts';

export type MailParts = NoticeParts & {
  readonly send: SendMail;
  readonly preferences: Preferences;
  readonly perMinute: number;
  /** Without a slash at the end. */
  readonly publicUrl: string;
  readonly contact: string | null;
};

const settingsPath = '/settings/notifications';

export function createMailChannel(parts: MailParts): Channel {
  return {
    name: mailChannel,
    pause: Math.ceil(minute / parts.perMinute),
    deliver: (message) => deliver(parts, message),
    test: async (id, to) => {
      if (to === null) return { state: 'failed', problem: 'no address is given' };
      return send(parts, { id, to, letter: testLetter(parts), unsubscribe: null });
    },
  };
}

async function deliver(parts: MailParts, message: MessageRow): Promise<Outcome> {
  const { store } = parts;
  const { id, account_id: accountId } = message;
  const reader = accountId === null ? undefined : await store.accounts.byId(accountId);
  const to = reader === undefined ? null : addressOf(parts, reader);
  if (reader === undefined || to === null) {
    return { state: 'dropped', problem: 'the account is gone, suspended, or its address is not vouched for' };
  }
  // A process that died with the message perhaps sent it: what is sent again then says no more than that.
  if (message.claims === 1) await store.notifications.absorb({ ...message, account_id: reader.id });
  const lines = await linesFor(parts, await store.notifications.itemsOf(id), reader);
  if (lines.length === 0) return { state: 'dropped', problem: 'nothing of it holds any more' };
  const isDigest = message.class === 'digest';
  const token = isDigest ? parts.preferences.tokenOf(reader.id) : null;
  const unsubscribe = token === null ? null : `${parts.publicUrl}/unsubscribe?token=${encodeURIComponent(token)}`;
  const letter = writeLetter(lines, { ...parts, footer: isDigest ? digestFooter(parts, unsubscribe) : securityFooter });
  return send(parts, { id, to, letter, unsubscribe });
}

/** What still holds and is still wanted. */
async function linesFor(parts: MailParts, items: readonly ItemRow[], reader: Account): Promise<Line[]> {
  const wanted = await parts.preferences.of(reader.id);
  const lines: Line[] = [];
  for (const { topic, category, data_json: data } of items) {
    if (isCategory(category) && !wanted.includes(category)) continue;
    const line = (await noticeOf(topic)?.say(parts, readJson(data, isFacts), reader)) ?? null;
    if (line !== null) lines.push(line);
  }
  return lines;
}

function isFacts(value: unknown): value is Facts {
  return (
    isRecord(value) &&
    typeof value['at'] === 'number' &&
    isRecord(value['detail']) &&
    ['actor', 'subject', 'address', 'client', 'ownerId'].every((name) => typeof value[name] === 'string')
  );
}

const securityFooter = ['You get this because it concerns the security of your account. It is always sent.'];

function digestFooter({ publicUrl }: MailParts, unsubscribe: string | null): string[] {
  return [
    `At most one such mail comes a day. Choose what you get: ${publicUrl}${settingsPath}`,
    `Unsubscribe without signing in: ${unsubscribe ?? ''}`,
  ];
}

function testLetter(parts: MailParts): Letter {
  const line: Line = {
    heading: 'It works',
    title: 'test message',
    text: 'This Dockpass can send mail. Someone who runs it asked for this test.',
    ...{ path: '/', about: 'test' },
  };
  return writeLetter([line], { ...parts, footer: [] });
}

type ToSend = {
  readonly id: string;
  readonly to: string;
  readonly letter: Letter;
  readonly unsubscribe: string | null;
};

async function send({ send: bySmtp, publicUrl }: MailParts, message: ToSend): Promise<Outcome> {
  const { letter, unsubscribe, to } = message;
  try {
    await bySmtp({
      // The same for each attempt, so that a reader who gets it twice can know.
      ...{ messageId: `<${message.id}@${new URL(publicUrl).hostname}>`, to, ...letter },
      headers: {
        'Auto-Submitted': 'auto-generated',
        'X-Auto-Response-Suppress': 'All',
        // RFC 8058: a mail program unsubscribes with a POST; nothing that only opens links does.
        ...(unsubscribe !== null && {
          'List-Unsubscribe': `<${unsubscribe}>`,
          'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
        }),
      },
    });
    return { state: 'sent' };
  } catch (error) {
    const { command = '', responseCode = 0 } = smtpAnswerOf(error);
    const said = plain(errorMessage(error)) || errorCode(error);
    const problem = `SMTP: ${said}${command === '' ? '' : ` (${plain(command)})`}`;
    // The server has decided about this recipient or this message. Everything else is about the server or its settings.
    const isRefused = responseCode >= 500 && (command === 'RCPT TO' || command === 'DATA');
    const isFinal = isRefused || error instanceof UnsendableAddress;
    return { state: isFinal ? 'failed' : 'postponed', problem };
  }
}

function smtpAnswerOf(error: unknown): { readonly command?: string; readonly responseCode?: number } {
  const { command, responseCode } = fieldsIn(error);
  return {
    ...(typeof command === 'string' && { command }),
    ...(typeof responseCode === 'number' && { responseCode }),
  };
}
