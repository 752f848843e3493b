/** Mail over SMTP: to OpenSMTPD as it is, and never in plain text to another machine. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { writeLetter } from '../../src/notify/letter.ts';
import { createSmtp, type Mail, type SmtpSettings, UnsendableAddress } from '../../src/notify/smtp.ts';
import { escapeHtml, plain, quoted } from '../../src/notify/text.ts';
import { createInstallation } from '../support/installation.ts';
import { startMailServer, startOpenSmtpd } from '../support/mail-server.ts';
import { missing, skipped } from '../support/parts.ts';
import { ownAddress } from '../support/ports.ts';
import { makeTlsFiles } from '../support/tls.ts';

const settings: SmtpSettings = {
  ...{ host: '127.0.0.1', port: 0, implicitTls: false, requiresTls: false, login: null },
  from: { name: 'Dockpass', address: 'dockpass@example.com' },
};
const mail: Mail = {
  ...{ messageId: '<m1@auth.example.com>', to: 'ana@example.com', subject: 'Hello', text: 'Hello', html: '<p>Hello' },
  headers: {},
};
/** Where TLS is required. */
const elsewhere = ownAddress();
const hostile = '"><img src=x>\r\nBcc: x@example.com';
const rightToLeft = '\u202Eאבג laptop';

test('OpenSMTPD delivers what a running Dockpass tells people', { skip: missing('smtpd', 'root') }, async (t) => {
  const server = await startOpenSmtpd();
  t.after(() => server.stop());
  const installation = createInstallation();
  t.after(() => installation.remove());
  const mailSettings = {
    SMTP_URL: `smtp://127.0.0.1:${server.port}`,
    SMTP_FROM: 'Dockpass <dockpass@example.com>',
    SMTP_PER_MINUTE: '6000',
  };
  const toNoOne = await installation.run(
    ['notification', 'test', 'mail', '--to', 'ana@elsewhere.example'],
    mailSettings,
  );
  assert.equal(toNoOne.code, 1);
  assert.match(toNoOne.output, /Not accepted: SMTP: .*RCPT TO/);
  const toAna = await installation.run(['notification', 'test', 'mail', '--to', 'ana@example.com'], mailSettings);
  assert.equal(toAna.output, 'Accepted for ana@example.com.\n');

  const running = await installation.serve(mailSettings);
  t.after(() => running.stop());
  await installation.addPerson('ana@example.com');
  const made = await installation.run(
    ['password', 'create', 'ana@example.com', '--name', '"><img src=x>'],
    mailSettings,
  );
  assert.equal(made.code, 0, made.output);
  const revoked = await installation.run(
    ['revocation', 'create', '--email', 'ana@example.com', '--reason', '"><img src=x> Bcc: x@example.com', '--yes'],
    mailSettings,
  );
  assert.equal(revoked.code, 0, revoked.output);
  const mails = await server.delivered(2);
  const told = mails.find(({ subject }) => subject === 'Dockpass: a password was revoked');
  assert.ok(told, mails.map(({ raw }) => raw).join('\n'));
  assert.deepEqual(
    told.to?.map(({ address }) => address),
    ['ana@example.com'],
  );
  assert.equal(told.bcc, undefined);
  assert.match(told.messageId ?? '', /^<security-.*@localhost>$/);
  assert.match(
    told.text ?? '',
    /“"><img src=x>”: revoked by command line .* Reason: "><img src=x> Bcc: x@\u2060example\.\u2060com/,
  );
  assert.match(told.html ?? '', /&quot;&gt;&lt;img src=x&gt;/);
  assert.doesNotMatch(told.html ?? '', /<img/);
});

test('hostile names stay text, in one header line and in both bodies, and no link comes of one', async (t) => {
  const server = await startMailServer();
  t.after(() => server.stop());
  const line = (name: string) => ({
    ...{ heading: 'Used', title: quoted(name), text: `${plain(name)} was used`, path: '/', about: name },
  });
  for (const [name, shown, unlinked = shown] of [
    [hostile, '"><img src=x> Bcc: x@example.com', '"><img src=x> Bcc: x@\u2060example.\u2060com'],
    ['evil.com/x', 'evil.com/x', 'evil.\u2060com/x'],
    ['https://1.2.3.4/login', 'https://1.2.3.4/login', 'https:\u2060//1.2.3.4/login'],
    ['\\\\files\\share', '\\\\files\\share', '\\\u2060\\files\\share'],
    ['docker/28.1 at 192.0.2.9', 'docker/28.1 at 192.0.2.9', 'docker/28.1 at 192.0.2.9'],
    [rightToLeft, '\u2068אבג laptop\u2069'],
    ['<!channel>', '<!channel>'],
    ['x'.repeat(300), `${'x'.repeat(200)}…`],
    ['=?utf-8?Q?Bcc?=', '=?utf-8?Q?Bcc?='],
  ] as const) {
    const letter = writeLetter([line(name)], { publicUrl: 'https://a.example', footer: [], contact: null });
    await createSmtp({ ...settings, port: server.port })({ ...mail, ...letter });
    const got = server.taken.pop();
    assert.equal(got?.subject, `Dockpass: “${shown}”`);
    assert.equal(got.bcc, undefined, got.raw);
    assert.ok(got.text?.split('\n').includes(`- ${unlinked} was used`), got.text);
    assert.ok(got.html?.includes(`<li>${escapeHtml(unlinked)} was used</li>`), got.html);
    assert.doesNotMatch(got.html ?? '', /<img|<!channel/);
  }
});

test('a server elsewhere is reached with STARTTLS and a certificate that counts, also by the test command', {
  skip: elsewhere === undefined && skipped('no address but loopback'),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-smtp-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = await makeTlsFiles(folder, { names: `IP:${elsewhere}` });
  const [certificate, key] = [readFileSync(files.certificate), readFileSync(files.key)];
  const server = await startMailServer({ cert: certificate, key, allowInsecureAuth: false }, elsewhere);
  t.after(() => server.stop());
  const installation = createInstallation();
  t.after(() => installation.remove());
  const words = ['notification', 'test', 'mail', '--to', 'ana@example.com'];
  const url = `smtp://dockpass:s%40ecret@${elsewhere}:${server.port}`;
  const mailSettings = { SMTP_URL: url, SMTP_FROM: 'dockpass@example.com' };
  const refused = await installation.run(words, mailSettings);
  assert.match(refused.output, /Not accepted: SMTP: .*certificate/);
  assert.doesNotMatch(refused.output, /s%40ecret|s@ecret/);
  assert.deepEqual([server.taken, server.passwords], [[], []]);
  const trusted = await installation.run(words, { ...mailSettings, NODE_EXTRA_CA_CERTS: files.certificate });
  assert.equal(trusted.output, 'Accepted for ana@example.com.\n');
  assert.deepEqual([server.taken.length, server.passwords], [1, ['s@ecret']]);
});

test('an address with letters outside ASCII goes to no server that does not say it knows them', async (t) => {
  const [modern, old] = [await startMailServer(), await startMailServer({ hideSMTPUTF8: true })];
  t.after(() => Promise.all([modern.stop(), old.stop()]));
  const sendTo = (to: string, { port }: { readonly port: number }) =>
    createSmtp({ ...settings, port })({ ...mail, to });
  const josé = 'josé@bücher.example';
  await sendTo(josé, modern);
  assert.deepEqual(
    modern.taken.map(({ to }) => to?.map(({ address }) => address)),
    [[josé]],
  );
  await assert.rejects(sendTo(josé, old), UnsendableAddress);
  assert.deepEqual(old.taken, []);
  await sendTo('jose@bücher.example', old);
  assert.equal(old.taken.length, 1, 'the domain has a form in ASCII');
});

describe('without TLS', () => {
  const login = { user: 'dockpass', password: 'secret' };

  test('a server elsewhere that offers no STARTTLS gets neither the mail nor the password', async (t) => {
    const server = await startMailServer({ disabledCommands: ['STARTTLS'] });
    t.after(() => server.stop());
    const send = createSmtp({ ...settings, port: server.port, requiresTls: true, login });
    await assert.rejects(send(mail), /STARTTLS|TLS/);
    assert.deepEqual([server.taken, server.passwords], [[], []]);
    await createSmtp({ ...settings, port: server.port, login })(mail);
    assert.deepEqual([server.taken.length, server.passwords], [1, ['secret']], 'one on this machine does');
  });

  test('nor does one whose certificate is anyone’s', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'dockpass-smtp-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const { certificate, key } = await makeTlsFiles(folder);
    const server = await startMailServer({ cert: readFileSync(certificate), key: readFileSync(key) });
    t.after(() => server.stop());
    const send = createSmtp({ ...settings, port: server.port, requiresTls: true, login });
    await assert.rejects(send(mail), /certificate/);
    assert.deepEqual([server.taken, server.passwords], [[], []]);
    await createSmtp({ ...settings, port: server.port, login })(mail);
    assert.equal(server.taken.length, 1, 'SMTP_INSECURE does');
  });
});
