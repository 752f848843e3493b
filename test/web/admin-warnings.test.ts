/** What an operator should do soon stands where administrators arrive. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import express from 'express';
import { createPeopleList, type PeoplePageParts } from '../../src/web/admin/people.ts';
import { createViews } from '../../src/web/views.ts';

test('a warning is at the top of the list of people, as text, and gone when it no longer applies', async (t) => {
  let warnings = ['The certificate authority expires on 2036-11-20. Run <b>dockpass</b> key rotate --authority.'];
  const people = { list: async () => ({ people: [], total: 0 }), providers: async () => [] };
  const parts = {
    people,
    views: createViews({ prefix: '', trial: null }),
    now: Date.now,
    warnings: async () => warnings,
  };
  const server = express()
    .get('/admin', createPeopleList(parts as unknown as PeoplePageParts))
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const get = async () => (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/admin`)).text();
  assert.match(await get(), /notice warning[\s\S]*expires on 2036-11-20\. Run &lt;b&gt;dockpass/);
  warnings = [];
  assert.doesNotMatch(await get(), /notice warning/);
});
