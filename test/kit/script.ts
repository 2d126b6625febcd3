import { chmodSync, writeFileSync } from 'node:fs';

/** Writes an executable shell script; returns its path. */
export function script(path: string, ...lines: string[]): string {
  writeFileSync(path, `#!/bin/sh\n${lines.join('\n')}\n`);
  chmodSync(path, 0o755);
  return path;
}
