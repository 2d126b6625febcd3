import { writeFileSync } from 'node:fs';

/** The highest there is (proc_pid_oom_score_adj(5)). */
const FIRST = '1000';

/**
 * Asks the kernel to end this process before others when memory is short, with all that it starts from now on. A
 * command that dies is started again; when we die instead, a container restarts.
 */
export function killFirst(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, FIRST);
  } catch {
    // It has ended, or it runs as another user, or this is no Linux: the kernel chooses without our advice.
  }
}
