import { expect, test } from 'vitest';
import { load, problemsOf, unitOf } from './kit.ts';

const RELAY = { name: 'fleet', root: '/mirrors', 'http-bind': ':80', allow: 'https://git.example.com/**' };
const POLICY = { name: 'web', repository: 'git.example.com/team/web.git', refs: 'main' };

const relay = (more: Readonly<Record<string, unknown>>): unknown => ({ relay: [{ ...RELAY, ...more }] });

test('policies may stand in the document, as in a file of their own', () => {
  const rollouts = [{ ...POLICY, stages: [{ name: 'canary', select: { count: 1 } }] }];
  const { config } = unitOf(load(relay({ rollouts })), 'relay', 'fleet');
  expect(config.rollouts).toBeUndefined();
  expect(config.policies?.policies).toMatchObject([{ name: 'web', refs: ['main'], stages: [{ name: 'canary' }] }]);
  const named = unitOf(load(relay({ rollouts: '/etc/rollouts.yaml' })), 'relay', 'fleet');
  expect(named.config).toMatchObject({ rollouts: '/etc/rollouts.yaml', policies: undefined });
});

test('notifications beside them say who gets to know', () => {
  const notifications = [{ name: 'team', to: 'slack', 'url-file': 'slack-url' }];
  const { config } = unitOf(load(relay({ rollouts: [POLICY], notifications })), 'relay', 'fleet');
  expect(config.policies?.notifications).toMatchObject([{ name: 'team' }]);
});

test('a policy that changes makes another unit of it', () => {
  const digest = (soak: string): string =>
    unitOf(load(relay({ rollouts: [{ ...POLICY, soak }] })), 'relay', 'fleet').digest;
  expect(digest('1m')).not.toBe(digest('2m'));
  expect(digest('1m')).toBe(digest('1m'));
});

test.each([
  [{ rollouts: [{ ...POLICY, stages: 'none' }] }, /stages must be a list/],
  [{ rollouts: [POLICY, POLICY] }, /another policy before it has the same name/],
  [{ rollouts: [{ ...POLICY, repo: 'x' }] }, /repo does not belong in a policy/],
  [{ rollouts: '/f', notifications: [] }, /notifications stands beside a list of rollouts/],
  [{ answers: [] }, /answers stands beside a list of rollouts/],
  [{ rollouts: { web: POLICY } }, /rollouts/],
])('%j is refused with its line', (more, expected) => {
  const problems = problemsOf(relay(more));
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^\d+:\d+: /);
  expect(problems[0]).toMatch(expected);
});
