/** Owns mail servers for tests: Debian's OpenSMTPD, and one in this process whose faults a test chooses. */
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { findProgram } from './parts.ts';
import { freePorts } from './ports.ts';
import { startProgram } from './process.ts';

export type Parsed = Email & { readonly raw: string };

async function parse(raw: string): Promise<Parsed> {
  return Object.assign(await PostalMime.parse(raw), { raw });
}

export type OpenSmtpd = {
  readonly port: number;
  /** What has been delivered, once there are so many mails. */
  delivered(count: number): Promise<Parsed[]>;
  stop(): Promise<void>;
};

/** Takes mail for example.com and refuses all other. As root; one at a time, because its queue has one place on a machine. */
export async function startOpenSmtpd(): Promise<OpenSmtpd> {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-smtpd-'));
  const mail = join(folder, 'mail');
  mkdirSync(mail);
  // The mails are written as nobody.
  for (const path of [folder, mail]) chmodSync(path, 0o777);
  const [port = 0] = await freePorts(1);
  writeFileSync(
    join(folder, 'smtpd.conf'),
    `table recipients { "@" = nobody }
listen on 127.0.0.1 port ${port}
action "keep" maildir "${mail}" virtual <recipients>
match from any for domain "example.com" action "keep"
`,
  );
  const program = findProgram('smtpd') ?? 'smtpd';
  const running = await startProgram(program, ['-d', '-f', join(folder, 'smtpd.conf')], { ready: /starting/ });
  const arrived = join(mail, 'new');
  return {
    port,
    async delivered(count) {
      await running.says(new RegExp(`(?:stat=Delivered[\\s\\S]*){${count}}`));
      const files = existsSync(arrived) ? readdirSync(arrived) : [];
      return Promise.all(files.map((file) => parse(readFileSync(join(arrived, file), 'utf8'))));
    },
    async stop() {
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type MailServer = {
  readonly port: number;
  /** What it has taken. */
  readonly taken: Parsed[];
  /** Passwords that someone has sent. */
  readonly passwords: string[];
  stop(): Promise<void>;
};

/** @param options as smtp-server has them; what they don't say is taken */
export async function startMailServer(options: SMTPServerOptions = {}, host = '127.0.0.1'): Promise<MailServer> {
  const taken: Parsed[] = [];
  const passwords: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    // Offered without TLS, so that only the client's own rule keeps the password from being sent.
    allowInsecureAuth: true,
    disableReverseLookup: true,
    // It would warn of the certificate that everyone has.
    logger: false,
    closeTimeout: 1,
    onAuth({ password }, _session, callback) {
      passwords.push(password ?? '');
      callback(null, { user: 'anyone' });
    },
    onData(stream, _session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        void parse(Buffer.concat(chunks).toString()).then((mail) => {
          taken.push(mail);
          callback();
        });
      });
    },
    ...options,
  });
  server.on('error', () => {}); // of a client that breaks off
  server.listen(0, host);
  await once(server.server, 'listening');
  return {
    ...{ taken, passwords, port: (server.server.address() as AddressInfo).port },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
