/** Owns the notices to administrators about the installation: providers, the sweep, signing keys, access requests, messages that didn't arrive. */
import { day } from '../lib/time.ts';
import { webhookChannel } from './channel.ts';
import type { Line } from './letter.ts';
import { type Notice, type NoticeParts, textIn } from './notice.ts';
import { plain, quoted, timeText } from './text.ts';

type Say = Notice['say'];

/** What was true a day ago needs no mail any more. */
function isOld({ now }: NoticeParts, at: number): boolean {
  return now() - at > day;
}

export const providerFailing: Say = async (parts, { at, subject, detail }) => {
  if (isOld(parts, at)) return null;
  const problem = plain(textIn(detail, 'problem'));
  return line('Sign-in fails', `sign-in with ${plain(subject)} fails`, `${problem} (${timeText(at)})`, subject);
};

export const sweepStopped: Say = async (parts, { at, detail }) => {
  if (isOld(parts, at)) return null;
  const reason = plain(textIn(detail, 'reason'));
  const text = `The sweep of ${timeText(at)} stopped or held someone back: ${reason}`;
  return line('Off-boarding stopped itself', 'off-boarding stopped itself', text, 'sweep');
};

export const keyDue: Say = async ({ keyWarnings }, { detail }) => {
  const warning = textIn(detail, 'warning');
  if (!keyWarnings().includes(warning)) return null;
  return line('Signing keys', 'a signing key needs attention', plain(warning), warning);
};

/** What is answered, granted or withdrawn by then needs no mail; nor one's own, which others answer. */
export const accessRequested: Say = async ({ store }, { detail }, reader) => {
  const request = await store.accessRequests.byId(textIn(detail, 'id'));
  if (request === undefined || request.answer !== null || request.closed_at !== null) return null;
  if (request.account_id === reader.id) return null;
  const what = `${request.actions.replaceAll(' ', ', ')} on ${quoted(request.name)}`;
  const text = `${plain(request.login)} asks for ${what}.`;
  return { ...line('Access requests', 'someone asks for access', text, request.id), path: '/admin/requests' };
};

/** A mail that failed isn't told by mail: the page of deliveries and the metric have it. */
export const notDelivered: Say = async (parts, { at, subject, detail }) => {
  const isWebhook = subject.startsWith(webhookChannel(''));
  if (isOld(parts, at) || !isWebhook) return null;
  const text = `${quoted(subject.slice(webhookChannel('').length))} didn't accept a message: ${plain(textIn(detail, 'problem'))}`;
  return { ...line('Webhooks', 'a webhook fails', text, subject), path: '/admin/deliveries' };
};

function line(heading: string, title: string, text: string, about: string): Line {
  return { heading, title, text, path: '/admin', about: `${heading} ${about}` };
}
