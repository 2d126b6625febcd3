import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseRolloutFile } from '../../../src/config/document/read-rollout-file.ts';
import type { Policy } from '../../../src/config/rollout-policy.ts';
import { SidecarError } from '../../../src/model/error.ts';

const LEAST = 'rollouts:\n- name: web\n  repository: git.example.com/team/*\n  refs: main\n';

const parsePolicies = (path: string, text: string): readonly Policy[] => parseRolloutFile(path, text).policies;

function detailOf(text: string): string {
  try {
    parsePolicies('rollouts.yaml', text);
  } catch (error) {
    if (error instanceof SidecarError) return error.detail;
    throw error;
  }
  return '';
}

describe('a file of rollout policies', () => {
  test('needs a name, a repository and refs; the rest has defaults', () => {
    expect(parsePolicies('rollouts.yaml', LEAST)).toEqual([
      {
        ...{ name: 'web', repository: 'git.example.com/team/*', refs: ['main'], stages: [], maxUnavailable: 1 },
        ...{
          done: 'ready',
          soakMs: 0,
          deadlineMs: 1_800_000,
          failures: 1,
          restarts: 2,
          onFailure: 'halt',
          push: 'finish',
        },
        ...{ freeze: [], enforce: false, skipAhead: undefined },
      },
    ]);
  });

  test('the example of docs/rollouts.md is read as it says', () => {
    const page = readFileSync('docs/rollouts.md', 'utf8');
    const example = /```yaml\n(rollouts:[\s\S]*?)```/.exec(page)?.[1] ?? '';
    const [policy, ...others] = parsePolicies('rollouts.yaml', example);
    expect(others).toEqual([]);
    expect(policy).toMatchObject({
      stages: [
        { name: 'canary', select: { labels: { track: 'canary' } }, soakMs: 600_000 },
        { name: 'a tenth', select: { percent: 10 }, maxUnavailable: 2 },
        { name: 'half', select: { percent: 50 } },
      ],
      maxUnavailable: { percent: 20 },
      done: 'ready',
      onFailure: 'revert',
      push: 'finish',
      freeze: [
        { kind: 'weekly', days: ['fri'], from: 960, to: 1440, zone: 'Europe/Berlin' },
        { kind: 'weekly', days: ['sat', 'sun'], from: 0, to: 1440, zone: 'Europe/Berlin' },
        { kind: 'span', from: Date.UTC(2026, 11, 23, 23), to: Date.UTC(2027, 0, 1, 23) },
      ],
      skipAhead: { refs: ['hotfix/*'], trailer: 'Rollout: now' },
    });
  });

  test.each<[string, string]>([
    ['  soak: 5', '5:9: soak of a policy must be a duration such as 90s'],
    ['  deadline: 0', '5:13: deadline of a policy must be a duration such as 90s, 10m or 1h, longer than nothing'],
    ['  max-unavailable: 0', 'max-unavailable of a policy must be a number of instances, or a percentage'],
    ['  max-unavailable: 101%', 'max-unavailable of a policy must be'],
    ['  failures: 0', 'failures of a policy must be a whole number from 1'],
    ['  on-failure: ignore', 'on-failure of a policy must be halt or revert'],
    ['  push: drop', 'push of a policy must be queue or replace or finish'],
    ['  enforce: maybe', 'enforce of a policy must be true or false'],
    ['  max_unavailable: 1', '5:3: max_unavailable is not known in a policy; did you mean max-unavailable?'],
    ['  stages: canary', 'stages must be a list'],
    ['  stages:\n  - name: a', '6:5: select of a stage is missing'],
    ['  stages:\n  - name: a\n    select: {}', 'select of a stage selects nobody'],
    [
      '  stages:\n  - name: a\n    select: {count: 1, percent: 5}',
      'percent of select and count cannot be in one stage',
    ],
    ['  stages:\n  - name: a\n    select: {percent: 0}', 'percent of select must be more than 0'],
    ['  stages:\n  - name: a\n    select: {labels: canary}', 'labels of select must be a mapping'],
    ['  stages:\n  - name: the rest\n    select: {count: 1}', 'is the name of the stage behind all others'],
    [
      '  stages:\n  - {name: a, select: {count: 1}}\n  - {name: a, select: {count: 2}}',
      '7:5: another stage before it has the same name',
    ],
    [
      '  freeze:\n  - {days: [fri], zone: Mars/Base}',
      'zone of a freeze window must be a name of the time zone database',
    ],
    ['  freeze:\n  - {days: [friday], zone: UTC}', 'days of a freeze window must be among mon, tue'],
    ['  freeze:\n  - {days: [fri]}', 'zone of a freeze window is missing'],
    ['  freeze:\n  - {from: 16:00, to: 16:00, zone: UTC}', 'write from 00:00 to 24:00 for a whole day'],
    ['  freeze:\n  - {from: 25:00, to: 26:00, zone: UTC}', 'from of a freeze window must be a time such as 16:30'],
    ['  freeze:\n  - {from: 2026-12-24T12:00, to: 2026-12-27T00:00Z}', 'must have a date, a time and an offset'],
    [
      '  freeze:\n  - {from: 2026-12-24T12:00Z, to: 2026-12-23T00:00Z}',
      'to of a freeze window must be later than from',
    ],
    [
      '  freeze:\n  - {from: 2026-12-24T12:00Z, to: 2026-12-27T00:00Z, zone: UTC}',
      'zone of a freeze window belongs to',
    ],
    ['  skip-ahead: {}', 'skip-ahead has no effect without refs or trailer'],
    ['  skip-ahead: {trailer: "a b"}', 'trailer of skip-ahead must be the key of a trailer'],
    ['  refs: main', '5:3: this key stands in line 4 already'],
  ])('%j is refused with its line', (line, detail) => {
    expect(detailOf(`${LEAST}${line}\n`)).toContain(detail);
  });

  test.each<[string, string]>([
    ['', 'the file has no key rollouts'],
    ['rollouts: web', 'rollouts must be a list of policies'],
    ['rollouts:\n- name: web\n', 'repository of a policy is missing'],
    ['rollouts:\n- name: web\n', 'refs of a policy is missing'],
    ['rollouts:\n- {name: web, repository: "https://h/x", refs: main}', 'without https://'],
    ['rollouts:\n- {name: web, repository: h/x, refs: ["ma in"]}', 'refs takes names like main'],
    [`${LEAST}- name: web\n  repository: h/x\n  refs: main\n`, 'another policy before it has the same name'],
    ['rollouts: [', 'no valid YAML'],
  ])('%j is refused', (text, detail) => {
    expect(detailOf(text)).toContain(detail);
  });
});
