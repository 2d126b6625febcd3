import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Open files that one process may have here: the kernel's own limit where we may raise ours to it (as root). */
export function mostOpenFiles(): number {
  const kernels = Number(readFileSync('/proc/sys/fs/nr_open', 'utf8'));
  const ask = `ulimit -n ${kernels} 2>/dev/null || ulimit -n "$(ulimit -Hn)"; ulimit -n`;
  return Number(execFileSync('/bin/sh', ['-c', ask]).toString());
}

/** Words in front of a command that raise its limit. */
export function withOpenFiles(most: number): readonly string[] {
  return ['/bin/sh', '-c', `ulimit -n ${most}; exec "$@"`, 'sh'];
}
