import { messageOf } from '../model/error.ts';
import type { Logger } from '../platform/log.ts';
import { openPrivateDirectory } from '../platform/private-directory.ts';

/** sockaddr_un holds 108 bytes; ssh appends a hash of 40 and, while binding, a dot and 16 more. */
const LONGEST_SOCKET_DIRECTORY = 108 - 1 - 40 - 18;
const SHORT_PARENT = '/tmp';

interface Private {
  /** Of the process. */
  readonly directory: string;
  readonly root: string;
  readonly log: Logger;
}

const isShort = (directory: string): boolean => Buffer.byteLength(directory) <= LONGEST_SOCKET_DIRECTORY;

/**
 * Where ssh may keep the sockets of connections that are shared by polls (ssh_config, ControlPath): the private
 * directory of the process, or another one below `/tmp` where the path of that one is too long for a socket.
 * @returns undefined where there is none: each command then has a connection of its own, and the log says so
 */
export async function openSocketDirectory({ directory, root, log }: Private): Promise<string | undefined> {
  if (isShort(directory)) return directory;
  let reason = 'that path is too long for a socket';
  try {
    // Who has a temporary directory of its own shares no connection with others.
    const path = await openPrivateDirectory(directory, root, [SHORT_PARENT]);
    if (isShort(path)) return path;
  } catch (error) {
    reason += `, and ${messageOf(error)}`;
  }
  log.warn('each poll logs in anew over ssh: set TMPDIR to a shorter directory that can be written', {
    directory,
    reason,
  });
  return undefined;
}

/** How long a shared connection outlives the last poll. */
export function persistSeconds(periodMs: number): number {
  return Math.round(Math.min(600, Math.max(30, (periodMs / 1000) * 3)));
}
