import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

interface Seen {
  readonly pid: number;
  readonly parent: number;
  readonly names: readonly string[];
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It ended meanwhile.
    return '';
  }
}

/** proc(5): `stat` is `pid (comm) state ppid …`, and the name may hold anything, parentheses too. */
function look(pid: number): Seen {
  const stat = textOf(`/proc/${pid}/stat`);
  const comm = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  const program = textOf(`/proc/${pid}/cmdline`).split('\0')[0] ?? '';
  return { pid, parent, names: [comm, basename(program)] };
}

/**
 * Processes with this name, by the name the kernel has for them or that of the program they were started as. Of a
 * family of the same name, as a server and its workers, only the eldest. Linux only.
 */
export function findProcesses(name: string): number[] {
  const found = new Map<number, Seen>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const seen = look(pid);
    if (seen.names.includes(name)) found.set(pid, seen);
  }
  return [...found.values()].filter(({ parent }) => !found.has(parent)).map(({ pid }) => pid);
}
