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
