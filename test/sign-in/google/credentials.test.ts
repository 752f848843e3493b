/** The token for Google's directory: asked for once when many need it, and again when it ends or was refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGoogleToken } from '../../../src/sign-in/google/credentials.ts';
import { GoogleFault } from '../../../src/sign-in/google/token-answer.ts';

const hour = 60 * 60 * 1000;

/** A machine of Google's cloud, whose metadata server has the tokens. */
function createMachine(answerOf: (count: number) => object) {
  const clock = { at: 0 };
  let asked = 0;
  const call = async () => {
    asked += 1;
    const answer = answerOf(asked);
    await new Promise((resolve) => setImmediate(resolve));
    return Response.json(answer);
  };
  const none = { key: null, serviceAccount: null, admin: null, applicationDefault: null };
  const urls = { tokenUrl: 'https://t.example/', iamUrl: 'https://i.example', metadataUrl: 'https://m.example' };
  const token = createGoogleToken({ ...none, ...urls }, ['read'], { call, now: () => clock.at });
  const tokens = async (fresh: boolean) => [...new Set(await Promise.all([1, 2, 3, 4, 5].map(() => token(fresh))))];
  return { clock, token, tokens, asked: () => asked };
}

test('five who need a token ask for one', async () => {
  const { clock, tokens, asked } = createMachine((count) => ({ access_token: `t${count}`, expires_in: 3600 }));
  assert.deepEqual([await tokens(false), asked()], [['t1'], 1]);
  clock.at += hour / 2;
  assert.deepEqual([await tokens(false), asked()], [['t1'], 1], 'kept while it is good');
  clock.at += hour / 2;
  assert.deepEqual([await tokens(false), asked()], [['t2'], 2], 'after its end');
  assert.deepEqual([await tokens(true), asked()], [['t3'], 3], 'after Google refused it');
  assert.deepEqual([await tokens(false), asked()], [['t3'], 3]);
});

test('after a failure the next one asks again, and a refused token is not used again', async () => {
  const { token } = createMachine((count) => (count === 2 ? {} : { access_token: `t${count}`, expires_in: 3600 }));
  assert.equal(await token(false), 't1');
  await assert.rejects(token(true), GoogleFault);
  assert.equal(await token(false), 't3');
});

test('a token whose end cannot be read is refused', async () => {
  const { token } = createMachine(() => ({ access_token: 't', expires_in: 'soon' }));
  await assert.rejects(
    token(false),
    (error) => error instanceof GoogleFault && /when its token ends/.test(error.message),
  );
});
