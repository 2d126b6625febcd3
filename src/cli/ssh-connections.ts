import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HermeticGit } from '../git/hermetic.ts';
import type { ProcessRunner } from '../platform/process.ts';

/** sockaddr_un holds 108 bytes; ssh appends a hash of 40 and, while binding, a dot and 16 more. */
const LONGEST_SOCKET_DIRECTORY = 108 - 1 - 40 - 18;

/** Where ssh may keep the sockets of connections that are shared by polls; undefined when the path is too long. */
export function directoryForSockets(directory: string): string | undefined {
  return directory.length <= LONGEST_SOCKET_DIRECTORY ? directory : undefined;
}

/** How long a shared connection outlives the last poll. */
export function persistSeconds(periodMs: number): number {
  return Math.round(Math.min(600, Math.max(30, (periodMs / 1000) * 3)));
}

/** Ends ssh connections that git's ssh left open for the next poll. */
export async function closeSharedConnections(
  directory: string,
  runner: ProcessRunner,
  env: HermeticGit,
): Promise<void> {
  const sockets = (await readdir(directory).catch(() => [] as string[])).filter((name) => /^[0-9a-f]{40}$/.test(name));
  for (const name of sockets) {
    const args = ['-o', `ControlPath=${join(directory, name)}`, '-O', 'exit', 'shared-connection'];
    await runner.run({ file: 'ssh', args, env: env.environment(), timeoutMs: 500 }).catch(() => undefined);
  }
}
