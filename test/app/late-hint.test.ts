import { describe, expect, test } from 'vitest';
import { lateHint } from '../../src/app/late-hint.ts';
import { OPTIONS } from '../../src/config/options.ts';
import { SidecarError } from '../../src/model/error.ts';
import { ERROR_CODES, type ErrorCode, factsOf } from '../../src/model/error-codes.ts';
import { Throttling } from '../../src/platform/throttling.ts';

function heldBack(partOfTime: number, { limit }: { limit: number | undefined } = { limit: 0.02 }): Throttling {
  let now = 0;
  const throttling = new Throttling({ limit, heldBackMs: () => now * partOfTime }, () => now);
  now = 40_000;
  return throttling;
}

const late = { op: 'fetch', detail: 'it ran out of time', isLate: true };

describe('what is late because of the CPU limit', () => {
  test('names the limit, how long it held us back, and the settings that help', () => {
    expect(lateHint(new SidecarError('ERR_GIT_TIMEOUT', late), heldBack(0.85))).toBe(
      'The CPU limit of 20m held this container back for 34 of the last 40 s: raise it (resources.limits.cpu), or `--sync-timeout`.',
    );
    expect(lateHint(new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', late), heldBack(0.2))).toBe(
      'The CPU limit of 20m held this container back for 8.0 of the last 40 s: raise it (resources.limits.cpu).',
    );
  });

  test('an error with a late one as its cause is late', () => {
    const cause = new SidecarError('ERR_REMOTE_UNREACHABLE', late);
    const error = new SidecarError('ERR_RELAY_UNREACHABLE', { op: 'ask', detail: 'no answer', cause });
    expect(lateHint(error, heldBack(0.5))).toContain('20m');
  });

  test('nothing is said where there is no limit, where it hardly held us back, and of what was not late', () => {
    const error = new SidecarError('ERR_GIT_TIMEOUT', late);
    expect(lateHint(error, heldBack(0.85, { limit: undefined }))).toBeUndefined();
    expect(lateHint(error, heldBack(0.05))).toBeUndefined();
    expect(lateHint(new SidecarError('ERR_GIT_TIMEOUT', { ...late, isLate: false }), heldBack(0.85))).toBeUndefined();
  });
});

/** Times that nothing waits for. */
const NO_WAITS = [
  // How long an old tree stays.
  'stale-worktree-timeout',
  // How long a process may take to end by itself, and a connection to be finished: what happens then is no error.
  'stop-timeout',
  'drain-timeout',
];

test('every option that bounds a wait is named by the errors of that wait, and exists', () => {
  const named = (Object.keys(ERROR_CODES) as ErrorCode[]).flatMap((code) => factsOf(code).timeLimit ?? []);
  const names = OPTIONS.filter(({ replacedBy }) => replacedBy === undefined).map(({ name }) => name);
  const waits = names.filter((name) => name.endsWith('-timeout') && !NO_WAITS.includes(name));
  expect(new Set(named)).toEqual(new Set(waits.map((name) => `--${name}`)));
});
