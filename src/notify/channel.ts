/** Owns the seam of what delivers messages, and what can come of an attempt. */
import type { MessageRow } from '../store/notification-messages.ts';

/** `problem` is for administrators: never a secret, nor the address of a webhook. */
export type Outcome =
  | { readonly state: 'sent' }
  /** Nothing that the message says holds any more, or no one can get it. */
  | { readonly state: 'dropped'; readonly problem: string }
  /** Another attempt would end the same. */
  | { readonly state: 'failed'; readonly problem: string }
  /** `after`: milliseconds that the receiver asks to wait. */
  | { readonly state: 'postponed'; readonly problem: string; readonly after?: number };

/** Implemented by mail and webhook. */
export type Channel = {
  /** 'mail', or 'webhook:NAME'. */
  readonly name: string;
  /** Milliseconds between two messages, over all processes; 0: no limit. */
  readonly pause: number;
  /** Sends one message, whose form the channel knows. Takes a minute at most. */
  deliver(message: MessageRow): Promise<Outcome>;
  /** Sends what shows that it works, on the same way. @param to an e-mail address, for mail */
  test(id: string, to: string | null): Promise<Outcome>;
};

export const mailChannel = 'mail';

export function webhookChannel(name: string): string {
  return `webhook:${name}`;
}
