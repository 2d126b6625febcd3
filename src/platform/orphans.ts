import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from './log.ts';
import { findMarked, signalQuietly } from './marked-processes.ts';

/**
 * Variable in the environment of every git process we start: the root it works for, and the process that started it.
 */
export const OWNER_VARIABLE = 'GIT_SIDECAR_OWNER';

/** Value of {@link OWNER_VARIABLE} for a process `pid` working on `root`. */
export function ownerMark(root: string, pid: number): string {
  return `${pid}:${root}`;
}

/** How long processes may take to vanish after SIGKILL before we go on without them. */
const DEATH_MS = 500;

function isAlive(pid: number): boolean {
  return signalQuietly(pid, 0);
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
  const isOrphan = (mark: string): boolean => {
    const [, owner, place] = /^(\d+):(.*)$/s.exec(mark) ?? [];
    return place === root && !isAlive(Number(owner));
  };
  const orphans = await findMarked(OWNER_VARIABLE, isOrphan);
  const ended = orphans.map(({ pid }) => pid).filter((pid) => signalQuietly(pid, 'SIGKILL'));
  for (let waited = 0; waited < DEATH_MS && ended.some(isAlive); waited += 10) await delay(10);
  return ended;
}

/** {@link endOrphans}, and says so. */
export async function endPredecessors(root: string, log: Logger): Promise<void> {
  const orphans = await endOrphans(root);
  if (orphans.length > 0) log.warn('ended processes of a killed predecessor', { processes: orphans.join(' ') });
}
