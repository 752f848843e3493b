/** Google's answers over HTTP, each with what Dockpass makes of it; the table in the docs is made of these. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createGoogleRefresher } from '../../../src/sign-in/google/refresh.ts';
import type { ProviderStatus } from '../../../src/sign-in/provider-status.ts';
import { demoPeople } from '../../support/provider.ts';
import { type AnswerCase, answerCases, answerTable, calls, describeReply } from './answers.ts';
import { startDirectory } from './directory-scene.ts';

const [ana = assert.fail()] = demoPeople;
const named = ['dev', 'ops@example.com'];

for (const one of answerCases) {
  test(`${one.to}${one.strategy ? ` (${one.strategy})` : ''}: ${describeReply(one)}`, async (t) => {
    const status = one.to === 'refresh token' ? await refresh(one) : await askDirectory(t, one);
    assert.equal(status.kind, one.kind, JSON.stringify(status));
    const said = 'reason' in status ? status.reason : status.kind === 'there' ? (status.problem ?? '') : '';
    if (one.says !== undefined) assert.match(said, one.says);
    if (one.groups === undefined) return;
    assert.ok(status.kind === 'there');
    const prefixed = (names: readonly string[] | null | undefined) => names?.map((name) => `google:${name}`) ?? null;
    assert.deepEqual(status.groups, prefixed(one.groups));
    assert.deepEqual(status.undecided ?? null, prefixed(one.undecided));
  });
}

async function askDirectory(t: Parameters<typeof startDirectory>[0], one: AnswerCase): Promise<ProviderStatus> {
  const { directory, people, ask } = await startDirectory(t, named);
  people.set(ana.sub, { ...ana, groups: ['dev', 'ops'] });
  // Only nested in dev: members.get doesn't see that.
  if (one.to === 'members.hasMember') people.set(ana.sub, { ...ana, groups: ['ops'] });
  if (one.to.startsWith('groups.list')) people.set(ana.sub, { ...ana, groups: ['dev'] });
  directory.parents.set('team@example.com', ['dev@example.com']);
  directory.replies.push({ to: calls[one.to], reply: one.reply });
  return ask(one.strategy === undefined ? {} : { strategy: one.strategy });
}

function refresh({ reply }: AnswerCase): Promise<ProviderStatus> {
  const settings = { clientId: 'client', clientSecret: 's', tokenUrl: 'https://oauth2.test/', revocationUrl: '' };
  const answer = async () => new Response(JSON.stringify(reply.body), { status: reply.status });
  return createGoogleRefresher(settings, answer).ask(
    'token',
    { subject: ana.sub, email: ana.email, domain: 'example.com' },
    async () => {},
  );
}

test('docs/providers.md has the table of these cases', () => {
  const page = new URL('../../../docs/providers.md', import.meta.url);
  const text = readFileSync(page, 'utf8');
  const wanted = text.replace(
    /(<!-- Google's answers[^>]*-->\n)[\s\S]*?(\n<!-- end -->)/,
    (_, begin: string, end: string) => begin + answerTable() + end,
  );
  assert.ok(wanted.includes(answerTable()), 'the page has the marks that the table goes between');
  if (process.env['UPDATE_DOCS'] === 'true') return writeFileSync(page, wanted);
  assert.equal(text, wanted, 'UPDATE_DOCS=true node --test test/sign-in/google/answers.test.ts writes it');
});
