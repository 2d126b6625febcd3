import { describe, expect, test } from 'vitest';
import type { RefChange } from '../../../../src/relay/protocol/refs.ts';
import { FormerTips } from '../../../../src/relay/server/mirror/former-tips.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { at, oid } from '../../../kit/relay-fakes.ts';

const move = (ref: string, from: string, to: string | undefined): RefChange => ({
  ref,
  from: oid(from),
  to: to === undefined ? undefined : at(ref, to),
});
const hold = (digit: string): string => `update refs/git-sidecar/former/${oid(digit)} ${oid(digit)}\n`;
const drop = (digit: string): string => `delete refs/git-sidecar/former/${oid(digit)}\n`;

describe('what refs showed a moment ago', () => {
  test('may be asked for during a minute, by those who may see the ref, and is held meanwhile', async () => {
    const clock = new HandClock();
    const tips = new FormerTips(clock);
    tips.note([move('refs/heads/a', '1', '2'), move('refs/heads/b', '3', undefined), move('HEAD', '4', '5')]);
    expect(tips.shown(() => true)).toEqual([oid('1'), oid('3')]);
    expect(tips.shown((ref) => ref === 'refs/heads/b')).toEqual([oid('3')]);
    const first = tips.changes();
    expect(first.lines).toEqual([hold('1'), hold('3')]);
    first.done();
    await clock.advance(30_000);
    tips.note([move('refs/heads/a', '2', '6')]);
    const second = tips.changes();
    expect(second.lines).toEqual([hold('2')]);
    second.done();
    await clock.advance(31_000);
    expect(tips.shown(() => true)).toEqual([oid('2')]);
    expect(tips.changes().lines).toEqual([drop('1'), drop('3')]);
  });

  test('lines that git did not take are given again', async () => {
    const tips = new FormerTips(new HandClock());
    tips.note([move('refs/heads/a', '1', '2')]);
    expect(tips.changes().lines).toEqual([hold('1')]);
    tips.note([move('refs/heads/a', '1', '2')]);
    expect(tips.changes().lines).toEqual([hold('1')]);
  });

  test('a ref that comes back within the minute loses nothing', async () => {
    const clock = new HandClock();
    const tips = new FormerTips(clock);
    tips.note([move('refs/heads/a', '1', '2')]);
    tips.changes().done();
    await clock.advance(50_000);
    tips.note([move('refs/heads/a', '2', '1')]);
    tips.note([move('refs/heads/a', '1', '3')]);
    await clock.advance(50_000);
    expect(tips.shown(() => true).sort()).toEqual([oid('1'), oid('2')]);
    await clock.advance(20_000);
    expect(tips.shown(() => true)).toEqual([]);
  });
});
