import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Variable in the environment of every git process we start: the root it works for, and who started it. */
export const OWNER_VARIABLE = 'GIT_SIDECAR_OWNER';

/** Value of {@link OWNER_VARIABLE} for a process `pid` working on `root`. */
export function ownerMark(root: string, pid: number): string {
  return `${pid}:${root}`;
}

/** How long a process may take to vanish after SIGKILL before we go on without it. */
const DEATH_MS = 500;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Ends git processes that an owner which no longer exists left working on `root`.
 *
 * A process killed with SIGKILL cannot take its children along; on a plain host they would go on writing below
 * the root while the successor starts. Linux only (reads /proc); elsewhere it finds nothing.
 *
 * @returns the ids of the processes that were ended
 */
export async function endOrphans(root: string): Promise<number[]> {
  const entries = await readdir('/proc').catch(() => [] as string[]);
  const ended: number[] = [];
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) continue;
    const environment = await readFile(`/proc/${entry}/environ`, 'utf8').catch(() => '');
    const mark = environment.split('\0').find((line) => line.startsWith(`${OWNER_VARIABLE}=`));
    const found = mark === undefined ? null : /^(\d+):(.*)$/s.exec(mark.slice(OWNER_VARIABLE.length + 1));
    if (!found || found[2] !== root || isAlive(Number(found[1]))) continue;
    try {
      process.kill(Number(entry), 'SIGKILL');
      ended.push(Number(entry));
    } catch {
      // It ended by itself meanwhile.
    }
  }
  for (let waited = 0; waited < DEATH_MS && ended.some(isAlive); waited += 10) await delay(10);
  return ended;
}
