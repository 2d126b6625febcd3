import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that has a certain variable in the environment that it was started with. */
export interface MarkedProcess {
  readonly pid: number;
  /** The name that the kernel has for it, at most 15 characters. */
  readonly name: string;
  /** The variable's value. */
  readonly value: string;
}

/** How long processes may take to vanish after SIGKILL before we go on without them. */
const DEATH_MS = 500;
const PAUSE_MS = 10;

/** It exists and is no zombie: where a container has no init process, zombies stay. */
async function isAlive({ pid }: MarkedProcess): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

/**
 * Signals a process (0: only asks whether it is there); a process that is gone, or that another user owns, is no error.
 */
export function signalQuietly(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Processes whose environment holds the variable `variable`, with a value that `isWanted`. Linux only (proc(5));
 * elsewhere, and for processes of other users, it finds nothing.
 */
export async function findMarked(variable: string, isWanted: (value: string) => boolean): Promise<MarkedProcess[]> {
  const found: MarkedProcess[] = [];
  for (const entry of await readdir('/proc').catch(() => [] as string[])) {
    if (!/^\d+$/.test(entry)) continue;
    const environment = await readFile(`/proc/${entry}/environ`, 'utf8').catch(() => '');
    const line = environment.split('\0').find((each) => each.startsWith(`${variable}=`));
    const value = line?.slice(variable.length + 1);
    if (value === undefined || !isWanted(value)) continue;
    const name = (await readFile(`/proc/${entry}/comm`, 'utf8').catch(() => '')).trim();
    found.push({ pid: Number(entry), name, value });
  }
  return found;
}

/** Resolves when none of them is alive, or after `timeoutMs`, with those that are left. */
async function untilGone(processes: readonly MarkedProcess[], timeoutMs: number): Promise<MarkedProcess[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left: MarkedProcess[] = [];
    for (const each of processes) if (await isAlive(each)) left.push(each);
    if (left.length === 0 || performance.now() >= deadline) return left;
    await delay(PAUSE_MS);
  }
}

/**
 * Ends every process with `variable=value` in its environment, wherever it went: a daemon leaves the process group and
 * the session that it was started in, but keeps its environment. SIGTERM, after `graceMs` SIGKILL.
 *
 * @returns those that were there
 */
export async function endMarked(variable: string, value: string, graceMs: number): Promise<MarkedProcess[]> {
  const look = async (): Promise<MarkedProcess[]> => await findMarked(variable, (each) => each === value);
  const found: MarkedProcess[] = [];
  for (const each of await look()) if ((await isAlive(each)) && signalQuietly(each.pid, 'SIGTERM')) found.push(each);
  if (found.length === 0) return [];
  await untilGone(found, graceMs);
  // Looked up again: what they started meanwhile goes as well, and a process id that is in use anew does not.
  const stubborn = await look();
  for (const { pid } of stubborn) signalQuietly(pid, 'SIGKILL');
  await untilGone(stubborn, DEATH_MS);
  return found;
}
