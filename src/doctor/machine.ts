import { type MemoryGroup, readMemoryGroup } from '../platform/memory-limit.ts';
import type { Check, Examination } from './examination.ts';
import { none, ok, type Verdict, wrong } from './finding.ts';

const MEBIBYTE = 2 ** 20;
/** With less, git dies on all but small repositories (docs/performance.md). */
const LEAST = 64 * MEBIBYTE;
/** More makes tokens invalid that GitHub checks, and certificates that are new. */
const MOST_AHEAD_MS = 60_000;

export function judgeMemory({ limit, kills }: MemoryGroup): Verdict {
  const killed = kills() ?? 0;
  const text = limit === undefined ? 'no limit' : `${Math.round(limit / MEBIBYTE)} MiB`;
  if (killed > 0)
    return wrong(
      `${text}, and the kernel has killed ${killed} of its processes for want of memory`,
      'raise `resources.limits.memory`',
    );
  if (limit !== undefined && limit < LEAST)
    return wrong(
      `${text}: git is killed there on all but small repositories`,
      'raise `resources.limits.memory` to 64Mi or more',
    );
  return ok(text);
}

export function checkMemory(examination: Examination, group = readMemoryGroup()): Check {
  return examination.check({ name: 'memory limit', target: 'control group', look: () => judgeMemory(group) });
}

/**
 * Compares the clocks of servers with ours, by the Date of their answers.
 * @param aheadMs once the servers were asked
 */
export function checkClock(
  examination: Examination,
  servers: readonly Check[],
  aheadMs: () => readonly number[],
): Check {
  return examination.check({
    name: 'clock',
    target: 'this machine',
    // As long as everything before it may take.
    limitMs: 60_000,
    look: async () => {
      await Promise.all(servers.map(async ({ verdict }) => await verdict));
      const found = aheadMs();
      if (found.length === 0) return none('no server told the time');
      const worst = found.reduce((one, two) => (Math.abs(two) > Math.abs(one) ? two : one));
      const seconds = Math.round(Math.abs(worst) / 1000);
      if (Math.abs(worst) <= MOST_AHEAD_MS) return ok(`within ${Math.max(1, seconds)} s of the server`);
      return wrong(
        `it is ${seconds} s ${worst > 0 ? 'behind' : 'ahead of'} the server`,
        'correct the clock of the node (`timedatectl`, chrony), or that of the server',
      );
    },
  });
}
