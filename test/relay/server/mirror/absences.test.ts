import { expect, test } from 'vitest';
import { SidecarError } from '../../../../src/model/error.ts';
import type { RepositoryName } from '../../../../src/relay/protocol/repository-name.ts';
import { Absences, isAbsence } from '../../../../src/relay/server/mirror/absences.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { REPOSITORY } from '../../../kit/relay-fakes.ts';

const missing = new SidecarError('ERR_REMOTE_NOT_FOUND', { op: 'follow', detail: 'there is none' });

test('a repository that was not there is asked for again after pauses that grow up to a minute', async () => {
  const clock = new HandClock();
  const absences = new Absences(clock, 5000);
  const pauses: number[] = [];
  for (let tries = 0; tries < 7; tries += 1) {
    expect(absences.of(REPOSITORY)).toBeUndefined();
    absences.note(REPOSITORY, missing);
    const { waitMs = 0, error } = absences.of(REPOSITORY) ?? {};
    expect(error).toBe(missing);
    pauses.push(waitMs);
    await clock.advance(waitMs - 1);
    expect(absences.of(REPOSITORY)).toBeDefined();
    await clock.advance(1);
  }
  expect(pauses).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  absences.forget(REPOSITORY);
  absences.note(REPOSITORY, missing);
  expect(absences.of(REPOSITORY)?.waitMs).toBe(5000);
});

test('so many names are remembered and no more; one that is still asked for is not forgotten first', () => {
  const absences = new Absences(new HandClock(), 5000);
  absences.note(REPOSITORY, missing);
  for (let count = 0; count < 30_000; count += 1) {
    absences.note(`h.example/x${count}` as RepositoryName, missing);
    if (count % 1000 === 0) expect(absences.of(REPOSITORY)).toBeDefined();
  }
  expect(absences.size).toBe(10_000);
});

test('a git server that is away, or busy, is no answer', () => {
  for (const code of ['ERR_REMOTE_UNREACHABLE', 'ERR_REMOTE_BUSY', 'ERR_REMOTE_PROTOCOL', 'ERR_GIT_TIMEOUT'] as const)
    expect(isAbsence(new SidecarError(code, { op: 'follow', detail: 'x' }))).toBe(false);
  expect(isAbsence(missing)).toBe(true);
});
