import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../src/model/error.ts';
import type { Notification } from '../../src/notify/notification.ts';
import type { Reports } from '../../src/relay/client/reports.ts';
import { ExechookReport } from '../../src/sync/wiring/exechook-report.ts';
import { oid } from '../relay/rollout/kit.ts';

type Failed = Parameters<Reports['hook']>[0];

const of = (digit: number): Notification => ({
  ...{ oid: oid(digit), ref: 'refs/heads/main', worktree: '/w', directory: '/w', at: 0 },
});
const failure = new SidecarError('ERR_NOTIFY_EXECHOOK', {
  op: 'run',
  detail: 'it exited with status 1; token: hunter2',
});

function setUp(most: number) {
  const reported: Failed[] = [];
  const reports = { hook: (failed: Failed) => void reported.push(failed) };
  const report = new ExechookReport(reports, most, (text) => text.replace('hunter2', '*****'));
  return { report, reported };
}

describe('an exechook', () => {
  test('is reported as failed after so many attempts in a row, with the reason and without secrets', () => {
    const { report, reported } = setUp(3);
    report.note(false, of(1), failure);
    report.note(false, of(1), failure);
    expect(reported).toEqual([]);
    report.note(false, of(1), failure);
    const reason = 'the exechook failed: it exited with status 1; token: *****';
    expect(reported).toEqual([{ ref: 'refs/heads/main', oid: oid(1), reason }]);
  });

  test('that succeeds takes its failure back, and begins to count anew', () => {
    const { report, reported } = setUp(2);
    for (const success of [false, false, true, false]) report.note(success, of(1), failure);
    expect(reported.map((each) => each?.oid)).toEqual([oid(1), undefined]);
  });

  test('counts the attempts of each revision on their own', () => {
    const { report, reported } = setUp(2);
    report.note(false, of(1), failure);
    report.note(false, of(2), failure);
    expect(reported).toEqual([]);
    report.note(false, of(2), failure);
    expect(reported.map((each) => each?.oid)).toEqual([oid(2)]);
  });
});
