/** Owns the way of one mail to the SMTP server: with TLS unless the server is this machine or the operator says otherwise. */
import nodemailer from 'nodemailer';
import { minute } from '../lib/time.ts';

export type SmtpSettings = {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. */
  readonly implicitTls: boolean;
  /** False: sends without TLS where the server has none, and to a server with any certificate. */
  readonly requiresTls: boolean;
  readonly login: { readonly user: string; readonly password: string } | null;
  readonly from: { readonly name: string; readonly address: string };
};

export type Mail = {
  /** With its angle brackets. */
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** Resolves when the server has taken responsibility for it. */
export type SendMail = (mail: Mail) => Promise<void>;

/** Milliseconds for the whole of one mail. */
const timeout = minute;

/** Delivery and the test command use the same: what one refuses, the other does too. */
export function createSmtp(settings: SmtpSettings): SendMail {
  const { host, port, implicitTls, requiresTls, login, from } = settings;
  const transport = nodemailer.createTransport({
    ...{ host, port, secure: implicitTls },
    // nodemailer would fall back to plain text where the server offers no STARTTLS, or an attacker takes the offer away.
    ...(requiresTls ? { requireTLS: true } : { opportunisticTLS: true, tls: { rejectUnauthorized: false } }),
    ...(login !== null && { auth: { user: login.user, pass: login.password } }),
    ...{ connectionTimeout: timeout / 4, greetingTimeout: timeout / 4, socketTimeout: timeout / 2 },
    // No text of a message is a path or an address to read from.
    ...{ disableFileAccess: true, disableUrlAccess: true },
  });
  return async ({ to, messageId, subject, text, html, headers }) => {
    await transport.sendMail({
      ...{ from, to: { name: '', address: to }, messageId, subject, text, html, headers },
      ...{ signal: AbortSignal.timeout(timeout) },
    });
  };
}
