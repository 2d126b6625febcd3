import { expect, test } from 'vitest';
import { parseRolloutFile } from '../../../src/config/document/read-rollout-file.ts';
import type { RolloutFile } from '../../../src/config/rollout-file.ts';
import { load, problemsOf, unitOf } from './kit.ts';

const read = (decider: string): RolloutFile => parseRolloutFile('/etc/r.yaml', `decider: ${decider}\nrollouts: []\n`);

test('a relay that decides is read with where it is and how it is reached', () => {
  expect(read("{ name: relay-0, url: 'http://relay-0:8080/' }").decider).toEqual({
    ...{ name: 'relay-0', url: 'http://relay-0:8080' },
    ...{ tokenFile: undefined, caFile: undefined, certFile: undefined, keyFile: undefined },
  });
  const files = 'token-file: t, ca-file: ca, cert-file: both';
  expect(read(`{ name: relay-0, url: 'https://r/x', ${files} }`).decider).toMatchObject({
    ...{ tokenFile: '/etc/t', caFile: '/etc/ca', certFile: '/etc/both', keyFile: '/etc/both' },
  });
  expect(parseRolloutFile('/etc/r.yaml', 'rollouts: []\n').decider).toBeUndefined();
});

test.each([
  ["{ url: 'http://r' }", 'name of decider is missing'],
  ['{ name: r }', 'url of decider is missing'],
  ["{ name: r, url: 'nats://r' }", 'url of decider must be a URL'],
  ["{ name: r, url: 'http://me:secret@r' }", 'url of decider holds a user or a password'],
  ["{ name: r, url: 'http://r?x=1' }", 'url of decider has a query'],
  ["{ name: r, url: 'http://r', key-file: k }", 'key-file of decider needs cert-file'],
  ["{ name: r, url: 'http://r', period: 1s }", 'period does not belong in decider'],
  ['relay-0', 'decider must be a mapping'],
])('%s is refused with its line', (decider, detail) => {
  expect(() => read(decider)).toThrow(expect.objectContaining({ detail: expect.stringMatching(/r\.yaml:1:\d+: /) }));
  expect(() => read(decider)).toThrow(detail);
});

test('it may stand beside the policies of a document, and nowhere else', () => {
  const relay = { name: 'r', root: '/m', 'http-bind': ':80', allow: 'https://git.example.com/**' };
  const decider = { name: 'relay-0', url: 'http://relay-0:8080' };
  const { config } = unitOf(load({ relay: [{ ...relay, rollouts: [], decider }] }), 'relay', 'r');
  expect(config.policies?.decider).toMatchObject(decider);
  expect(problemsOf({ relay: [{ ...relay, rollouts: '/f', decider }] })).toEqual([
    expect.stringContaining('decider stands beside a list of rollouts'),
  ]);
});
