/** Owns the form of an event for a Slack incoming webhook, which others understand too: one text, in which nothing is formatted. */
import { countOf } from '../lib/count.ts';
import { isTexts } from '../lib/json.ts';
import type { CloudEvent } from './cloud-event.ts';
import { escapeSlack, listed, plain, quoted, timeText } from './text.ts';

export type SlackMessage = {
  readonly text: string;
  /** No bold, no code: an asterisk stays one. */
  readonly mrkdwn: false;
  readonly unfurl_links: false;
  readonly unfurl_media: false;
};

/** What an event is called: "Password revoked". */
export type LabelOf = (action: string) => string;

/** @param page where administrators read more */
export function slackMessageOf({ type, data, time }: CloudEvent, labelOf: LabelOf, page: string): SlackMessage {
  const { actor, subject, address, repository, detail } = data;
  const facts = [
    ...(subject === '' ? [] : [plain(subject)]),
    ...(actor === '' || actor === subject ? [] : [`by ${plain(actor)}`]),
    ...(address === null ? [] : [`from ${plain(address)}`]),
    ...(repository === null ? [] : [`repository ${plain(repository)}`]),
    ...wordsOf(detail),
  ];
  const text = `${labelOf(type)}: ${facts.join(', ')} (${timeText(Date.parse(time))})`;
  return { text: `${escapeSlack(text)}\n${page}`, mrkdwn: false, unfurl_links: false, unfurl_media: false };
}

function wordsOf(detail: CloudEvent['data']['detail']): string[] {
  const { name, passwords, names, reason, problem, warning } = detail;
  const told = [reason, problem, warning].filter((text) => typeof text === 'string' && text !== '');
  return [
    ...(typeof name === 'string' ? [quoted(name)] : []),
    ...(isTexts(names) ? [listed(names)] : []),
    ...(typeof passwords === 'number' ? [countOf(passwords, 'password')] : []),
    ...told.map((text) => `reason: ${plain(String(text))}`),
  ];
}
