import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * Lets everything else go before this process, with all that it starts from now on, where cores are short.
 * @param niceness 1 to 19 (sched(7)); where the kernel schedules by session, that of its session too
 */
export function yieldCores(pid: number | undefined, niceness: number): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, niceness);
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness));
  } catch {
    // It has ended, or this kernel has no groups of sessions: it takes its share of the cores like every other process.
  }
}
