/** `policy eval --docker-auth`: decisions recorded from docker_auth's own ACL code, and its corners by name. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { createEvaluator } from '../../src/policy/eval.ts';

const evaluate = createEvaluator({ dockerAuth: true });
const ours = createEvaluator({ dockerAuth: false });

/** A line with one rule that grants everything, its answer read back. */
function oneRule(match: unknown, request: object, evaluator = evaluate): unknown {
  const acl = [{ match, actions: ['*'] }];
  return JSON.parse(evaluator(JSON.stringify({ acl, request: { actions: ['pull'], ...request } })));
}

test('the decisions that docker_auth made', () => {
  const lines = readFileSync(new URL('recorded/docker-auth.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  assert.ok(lines.length > 300);
  for (const line of lines) {
    const { decision, ...input } = JSON.parse(line);
    const answer = JSON.parse(evaluate(JSON.stringify(input)));
    if (decision.error) assert.equal(typeof answer.error, 'string', line);
    else assert.deepEqual(answer, decision, line);
  }
});

describe('corners of docker_auth', () => {
  const granted = { actions: ['pull'] };
  const nomatch = { nomatch: true };
  const team = { labels: { team: ['a*', 'web'] }, name: 'abc' };
  const table: readonly [title: string, match: unknown, request: object, answer: unknown][] = [
    ['"**" is "*"', { name: '**' }, { name: 'a/b' }, nomatch],
    ['an unknown key makes the rule wider', { team: 'x' }, { account: 'anybody' }, granted],
    ['a key in the wrong case too', { Account: 'x' }, { account: 'anybody' }, granted],
    ['null is no condition', { account: null }, { account: 'anybody' }, granted],
    ['a malformed glob never matches', { name: '[a' }, { name: '[a' }, nomatch],
    [
      'captures are not quoted',
      { account: '/^(.+)@test$/', name: '${account:1}/*' },
      { account: '*@test', name: 'bo/x' },
      granted,
    ],
    ['labels are not quoted', { name: '${labels:team}' }, team, granted],
    ['a label may become an expression', { name: '${labels:l}' }, { name: 'a/b', labels: { l: ['/.*/'] } }, granted],
    ['a variable may become one', { name: '${account}' }, { name: 'xax', account: '/a/' }, granted],
    ['an empty expression is a glob', { name: '/${account}/' }, { name: 'x', account: '' }, nomatch],
    [
      'what is malformed once filled in never matches',
      { name: '/^${labels:l}$/' },
      { name: '(', labels: { l: ['('] } },
      nomatch,
    ],
    [
      'a variable before a capture breaks it',
      { account: '/^(.+)$/', name: '${type}/${account:1}' },
      { account: 'a', type: 't', name: 't/a' },
      nomatch,
    ],
    [
      'unless the capture also stands elsewhere',
      { account: '/^(.+)$/', name: '${type}/${account:1}', service: '${account:1}' },
      { account: 'a', type: 't', name: 't/a', service: 'a' },
      granted,
    ],
    [
      'a capture from an expression with a variable has no value',
      { account: '/^(.+)${name}$/', name: '${account:1}' },
      { account: 'aa', name: 'a' },
      nomatch,
    ],
    [
      'one value a label throughout a pattern',
      { name: '${labels:l}/${labels:l}' },
      { name: 'x/y', labels: { l: ['x', 'y'] } },
      nomatch,
    ],
    [
      'a label without values ends it',
      { name: '*${labels:l}${labels:m}' },
      { name: 'x', labels: { l: ['x'], m: [] } },
      nomatch,
    ],
    ['no variables of ours', { name: '${user}${domain}${group}' }, { name: '${user}${domain}${group}' }, granted],
    ['a number is its text', { account: 5 }, { account: '5' }, granted],
    ['two groups may share a name', { name: '/(?P<n>a)(?P<n>b)[(?P<n>]/' }, { name: 'ab(' }, granted],
  ];
  for (const [title, match, request, answer] of table) {
    test(title, () => assert.deepEqual(oneRule(match, request), answer));
  }

  const refused: readonly [acl: unknown, error: string | RegExp][] = [
    ['acl', "acl isn't a list"],
    [{}, "acl isn't a list"],
    [[null], 'acl[1]: match is missing'],
    [[{ match: {}, actions: [] }, { actions: [] }], 'acl[2]: match is missing'],
    [[{ match: null, actions: [] }], 'acl[1]: match is missing'],
    [['rule'], "acl[1] isn't a map"],
    [[[]], "acl[1] isn't a map"],
    [[{ match: 'x', actions: [] }], "acl[1].match isn't a map"],
    [[{ match: [], actions: [] }], "acl[1].match isn't a map"],
    [[{ match: { labels: [] }, actions: [] }], "acl[1].match.labels isn't a map"],
    [[{ match: { labels: { a: [] } }, actions: [] }], "acl[1].match.labels isn't a text"],
    [[{ match: { name: {} }, actions: [] }], "acl[1].match.name isn't a text"],
    [[{ match: {}, actions: 'pull' }], "acl[1].actions isn't a list"],
    [[{ match: {}, actions: [[]] }], /^acl\[1\].* isn't a text$/],
    [[{ match: { name: '/(/' }, actions: [] }], /^acl\[1\]\.match\.name: .*missing closing \)/],
    [[{ match: { ip: 'x' }, actions: [] }], /^acl\[1\]\.match\.ip: "x" is neither/],
  ];
  for (const [acl, error] of refused) {
    test(`refused: ${JSON.stringify(acl)}`, () => {
      const answer = JSON.parse(evaluate(JSON.stringify({ acl, request: {} })));
      if (typeof error === 'string') assert.equal(answer.error, error);
      else assert.match(answer.error, error);
    });
  }

  test('an empty text replaces null, in a list and for a label', () => {
    const acl = [{ match: { labels: { l: null } }, actions: [null, true] }];
    const request = { labels: { l: [''] }, actions: ['', 'true', 'pull'] };
    assert.equal(evaluate(JSON.stringify({ acl, request })), '{"actions":["","true"]}');
    assert.equal(evaluate(JSON.stringify({ request })), '{"nomatch":true}');
  });

  test('a number in place of a text keeps its spelling', () => {
    const acl = '[{"match":{"name":1.0},"actions":[1e3, 12,-0,12345678901234567890]}]';
    const request = { name: '1.0', actions: ['-0', '1', '1000', '12', '12345678901234567890', '1e3'] };
    const expected = JSON.stringify({ actions: ['-0', '12', '12345678901234567890', '1e3'] });
    assert.equal(evaluate(`{"acl":${acl},"request":${JSON.stringify(request)}}`), expected);
    assert.equal(evaluate(`{"acl": ${acl}, "request": ${JSON.stringify(request)}}`), expected);
  });

  for (const number of [
    '1.0',
    '10.50',
    '1e3',
    '1E3',
    '-1.0',
    '-10e3',
    '-0',
    '1234567890123456789',
    '-1234567890123456789',
  ]) {
    test(`a pattern ${number} matches only the same spelling`, () => {
      for (const space of ['', ' ']) {
        const answers = [number, String(Number(number))].map((name) => {
          return evaluate(
            `{"acl":[{"match":{"name":${space}${number}},"actions":["*"]}],"request":{"name":"${name}"}}`,
          );
        });
        assert.deepEqual(answers, ['{"actions":[]}', '{"nomatch":true}']);
      }
    });
  }

  test('a number is not a text in a request', () => {
    const error = '{"error":"request.account is not text"}';
    assert.equal(evaluate('{"acl":[],"request":{"account":5}}'), error);
    assert.equal(evaluate('{"acl":[],"request":{"account":5,"name":"\\ud83d"}}'), error);
  });

  test('what it does not load, or crashes on', () => {
    const request = { actions: ['pull'] };
    const acls = [
      [{ match: { name: '/(/' }, actions: [] }],
      [{ match: { labels: { a: '/(/' } }, actions: [] }],
      [{ match: { ip: '10.0.0.*' }, actions: [] }],
      [{ match: { ip: '' }, actions: [] }],
      [{ match: {}, actions: [] }, { actions: ['pull'] }],
      [{ match: null, actions: [] }],
      [{ match: {} }],
      [{ match: {}, actions: 'pull' }],
      [{ match: { name: ['a'] }, actions: [] }],
      [null],
      'acl',
    ];
    for (const acl of acls) {
      const answer = JSON.parse(evaluate(JSON.stringify({ acl, request })));
      assert.deepEqual(Object.keys(answer), ['error'], JSON.stringify(acl));
    }
    const reached = { acl: [{ match: {} }], request };
    assert.equal(evaluate(JSON.stringify(reached)), '{"error":"the rule that matches has no actions"}');
    const notReached = [{ match: {}, actions: ['*'] }, { match: {} }];
    assert.equal(evaluate(JSON.stringify({ acl: notReached, request })), '{"actions":["pull"]}');
  });
});

describe('policy eval without --docker-auth', () => {
  test('refuses at load what docker_auth lets pass', () => {
    for (const match of [{ team: 'x' }, { Account: 'x' }, { name: '[a' }]) {
      assert.match(JSON.stringify(oneRule(match, {}, ours)), /^\{"error":"acl:1:\d+: /);
    }
  });

  test('quotes captures and labels, and "**" crosses slashes', () => {
    const capture = { account: '/^(.+)@test$/', name: '${account:1}/*' };
    assert.deepEqual(oneRule(capture, { account: '*@test', name: 'bo/x' }, ours), { nomatch: true });
    assert.deepEqual(oneRule(capture, { account: 'bo@test', name: 'bo/x' }, ours), { actions: ['pull'] });
    assert.deepEqual(oneRule({ name: '**' }, { name: 'a/b' }, ours), { actions: ['pull'] });
  });

  test('looks at the kind, the domain and the groups that a request names', () => {
    const match = { kind: 'ci', domain: 'example.com', group: 'google:dev' };
    const request = { account: 'Deploy', kind: 'ci', domain: 'example.com', groups: ['google:dev'] };
    assert.deepEqual(oneRule(match, request, ours), { actions: ['pull'] });
    for (const key of ['kind', 'domain', 'groups']) {
      assert.deepEqual(oneRule(match, { ...request, [key]: undefined }, ours), { nomatch: true }, key);
    }
  });

  test('takes what a request does not name for empty, and an account as it is written', () => {
    const empty = { account: '', type: '', name: '', service: '' };
    assert.deepEqual(oneRule(empty, {}, ours), { actions: ['pull'] });
    assert.deepEqual(oneRule({ account: 'Ana@x' }, { account: 'Ana@x' }, ours), { actions: ['pull'] });
    assert.deepEqual(oneRule({ ip: '0.0.0.0/0' }, {}, ours), { nomatch: true });
    assert.deepEqual(oneRule({}, { actions: null, labels: null }, ours), { actions: [] });
    assert.deepEqual(oneRule({ labels: { l: '*' } }, { labels: { l: null } }, ours), { nomatch: true });
  });

  test('answers a line that is not JSON, and continues', () => {
    assert.equal(ours('{'), '{"error":"the line is not JSON"}');
    assert.equal(ours('{}'), '{"nomatch":true}');
    assert.equal(ours('null'), '{"nomatch":true}');
    assert.equal(ours('{"acl":[],"request":null}'), '{"nomatch":true}');
  });

  const refused: readonly [request: unknown, error: string][] = [
    ['x', 'request is not an object'],
    [[], 'request is not an object'],
    ...['account', 'type', 'name', 'ip', 'service', 'kind', 'domain'].flatMap((key): [unknown, string][] => [
      [{ [key]: 5 }, `request.${key} is not text`],
      [{ [key]: null }, `request.${key} is not text`],
    ]),
    ...['actions', 'groups'].flatMap((key): [unknown, string][] => [
      [{ [key]: 'pull' }, `request.${key} is not a list of texts`],
      [{ [key]: ['pull', 5] }, `request.${key} is not a list of texts`],
    ]),
    [{ maker: null }, 'request.maker is not an object'],
    [{ maker: { maker: null } }, 'request.maker.maker is not an object'],
    [{ labels: 5 }, 'request.labels is not an object'],
    [{ labels: [] }, 'request.labels is not an object'],
    [{ labels: { a: ['x'], t: 'x' } }, 'request.labels.t is not a list of texts'],
  ];
  for (const [request, error] of refused) {
    test(`refused: ${JSON.stringify(request)}`, () => {
      const acl = [{ match: {}, actions: ['pull'] }];
      assert.deepEqual(JSON.parse(ours(JSON.stringify({ acl, request }))), { error });
      assert.deepEqual(JSON.parse(ours(JSON.stringify({ request, acl: 'none' }))), { error });
    });
  }
});

test('a line is read the same in any order of its keys', () => {
  const acl = [{ match: { name: 'x' }, actions: ['pull'] }];
  const request = { account: 'a', name: 'x', actions: ['pull'] };
  const granted = '{"actions":["pull"]}';
  const [a, r] = [JSON.stringify(acl), JSON.stringify(request)];
  const lines: readonly [line: string, answer: RegExp | string][] = [
    [`{"acl":${a},"request":${r}}`, granted],
    [`{"request":${r},"acl":${a}}`, granted],
    [`{"acl":${a},"id":7,"request":${r}}`, granted],
    [`{"acl":${a},"request":${r},"id":7}`, granted],
    [` {"acl": ${a} , "request": ${r} }`, granted],
    [`{"acl":[],"acl":${a},"request":${r}}`, granted],
    [`{"acl":[],"request":${r},"acl":${a}}`, granted],
    [`{"acl":[],"request":${r},"\\u0061cl":${a}}`, granted],
    [`{"acl":${a},"request":{},"request":${r}}`, granted],
    [`{"acl":[{"match":{},"actions":[],"request":{"account":"a"}}]}`, '{"actions":[]}'],
    [`{"acl":[{"match":{"name":",\\"request\\":"},"actions":[]}],"request":${r}}`, '{"nomatch":true}'],
    [`{"acl":${a},"request":${r}`, /not JSON/],
    [`{"acl":[,"request":${r}}`, /not JSON/],
    [`{"acl":${a} "request":${r}}`, /not JSON/],
    [`{"acl":${a},,"request":${r}}`, /not JSON/],
    [
      `{"acl": [{"match": {"account": "request"}, "actions": []}], "request": {"account": "request"}}`,
      '{"actions":[]}',
    ],
    [`{"acl":${a},"request":${r}}}`, /not JSON/],
    [`\ufeff{"acl":${a},"request":${r}}`, /not JSON/],
    [`{\v"acl":${a},"request":${r}}`, /not JSON/],
    [`{"acl"\u00a0:${a},"request":${r}}`, /not JSON/],
    [`{"acl":${a},\u00a0"request":${r}}`, /not JSON/],
    [`{"acl":${a}\u00a0,"request":${r}}`, /not JSON/],
    [`\t{\r"acl" :\n${a},\n\t"request":${r}}`, granted],
    [`{"acl":[{"match":{"name":"\\ud83d"},"actions":["*"]}],"request":{"name":"\ufffd","actions":["pull"]}}`, granted],
    [`{"acl":[{"match":{"name":"x"},"actions":["*"],"comment":{}}],"request":${r}}`, /acl\[1\]\.comment isn't a text/],
  ];
  // Twice: what was kept of the first time must not change the second.
  for (const [line, answer] of [...lines, ...lines]) {
    if (typeof answer === 'string') assert.equal(evaluate(line), answer, line);
    else assert.match(evaluate(line), answer, line);
  }
});
