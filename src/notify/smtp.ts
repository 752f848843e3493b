/** Owns the way of one mail to the SMTP server: with TLS unless the server is this machine or the operator says otherwise. */
import nodemailer from 'nodemailer';
import SMTPConnection, { type Options } from 'nodemailer/lib/smtp-connection';
import { splitEmail } from '../identity/email.ts';
import { isAscii } from '../lib/ascii.ts';
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

/** Resolves when the server has taken responsibility for it. @throws {UnsendableAddress} */
export type SendMail = (mail: Mail) => Promise<void>;

/** The server doesn't know what the reader's address needs. */
export class UnsendableAddress extends Error {
  override readonly name = 'UnsendableAddress';
}

/** Milliseconds for the whole of one mail. */
const timeout = minute;

/** Delivery and the test command use the same: what one refuses, the other does too. */
export function createSmtp(settings: SmtpSettings): SendMail {
  const { host, port, implicitTls, requiresTls, login, from } = settings;
  const connection = {
    ...{ host, port, secure: implicitTls },
    // nodemailer would fall back to plain text where the server offers no STARTTLS, or an attacker takes the offer away.
    ...(requiresTls ? { requireTLS: true } : { opportunisticTLS: true, tls: { rejectUnauthorized: false } }),
    ...(login !== null && { auth: { user: login.user, pass: login.password } }),
    ...{ connectionTimeout: timeout / 4, greetingTimeout: timeout / 4, socketTimeout: timeout / 2 },
  };
  // No text of a message is a path or an address to read from.
  const transport = nodemailer.createTransport({ ...connection, disableFileAccess: true, disableUrlAccess: true });
  return async ({ to, messageId, subject, text, html, headers }) => {
    const signal = AbortSignal.timeout(timeout);
    if (!isAscii(splitEmail(to).user)) await requireUtf8(connection, signal);
    await transport.sendMail({
      ...{ from, to: { name: '', address: to }, messageId, subject, text, html, headers },
      signal,
    });
  };
}

/**
 * RFC 6531, section 3.2: a server that doesn't offer it must not get an address with such letters. nodemailer sends it anyway.
 * Those of the domain are no matter: nodemailer writes them in ASCII.
 * @throws {UnsendableAddress}
 */
async function requireUtf8(options: Options, signal: AbortSignal): Promise<void> {
  if (/^250[ -]SMTPUTF8\b/im.test(await offerOf(options, signal))) return;
  throw new UnsendableAddress(
    "the server doesn't offer SMTPUTF8, which an address with letters outside ASCII before the @ needs. Use a server that does",
  );
}

/** The answer to EHLO, with TLS where that is used: its lines say what the server can do. */
function offerOf(options: Options, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const connection = new SMTPConnection(options);
  signal.addEventListener('abort', () => reject(signal.reason));
  connection.on('error', reject);
  connection.on('end', () => reject(new Error('the server closed the connection')));
  connection.connect((error) => (error ? reject(error) : resolve(String(connection.lastServerResponse))));
  return promise.finally(() => connection.close());
}
