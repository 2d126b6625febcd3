import { expect, test } from 'vitest';
import { SidecarError } from '../../src/model/error.ts';
import type { Oid } from '../../src/model/oid.ts';
import type { CycleReport } from '../../src/model/sync-observer.ts';
import { type SyncAnswer, SyncNow } from '../../src/sync/sync-now.ts';
import { HandClock } from '../kit/hand-clock.ts';

const oid = (digit: string): Oid => digit.repeat(40) as Oid;

function fixture() {
  const clock = new HandClock();
  let wakes = 0;
  const now = new SyncNow(() => {
    wakes += 1;
  }, clock);
  const ended = (digit: string, error?: SidecarError): void => {
    const revision = error ? undefined : { ref: 'refs/heads/main', oid: oid(digit) };
    now.onCycle({ status: error ? 'error' : 'success', durationMs: 1, pollMs: 1, error, revision } as CycleReport);
  };
  const wait = (to?: string): { answer: () => SyncAnswer | undefined } => {
    let found: SyncAnswer | undefined;
    void now.wait(5000, { to }).then((answer) => {
      found = answer;
    });
    return { answer: () => found };
  };
  return { clock, now, ended, wait, wakes: () => wakes };
}

test('whoever asks in the middle of a cycle gets the answer of the next one, which asks the remote anew', async () => {
  const it = fixture();
  it.now.onCycleStart();
  const { answer } = it.wait();
  expect(it.wakes()).toBe(1);
  it.ended('1');
  await it.clock.advance(0);
  expect(answer()).toBeUndefined();
  it.now.onCycleStart();
  it.ended('2');
  await it.clock.advance(0);
  expect(answer()).toEqual({ status: 'synced', oid: oid('2'), ref: 'refs/heads/main' });
});

test('whoever names a commit waits until that one is published, and for the time that was given at most', async () => {
  const it = fixture();
  const [early, late] = [it.wait(oid('2')), it.wait(oid('3'))];
  for (const digit of ['1', '2']) {
    it.now.onCycleStart();
    it.ended(digit);
  }
  await it.clock.advance(4999);
  expect([early.answer()?.oid, late.answer()]).toEqual([oid('2'), undefined]);
  await it.clock.advance(1);
  expect(late.answer()).toEqual({ status: 'timeout' });
});

test('a cycle that fails is an answer, with code and reason', async () => {
  const it = fixture();
  const { answer } = it.wait();
  it.now.onCycleStart();
  it.ended('1', new SidecarError('ERR_REMOTE_REF', { op: 'look for', detail: 'no such branch' }));
  await it.clock.advance(0);
  expect(answer()).toEqual({ status: 'failed', error: 'ERR_REMOTE_REF: no such branch' });
});
