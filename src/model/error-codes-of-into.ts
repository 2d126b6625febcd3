import type { ErrorCodeEntry } from './error-entry.ts';

/** Errors of `--into` of a sync. The table is put together in `error-codes.ts`. */
export const ERROR_CODES_OF_INTO = {
  ERR_INTO_UNUSABLE: {
    class: 'stop',
    meaning: 'The directory of `--into` cannot be made or written, or it is in the way of what is below `--root`.',
    hint: 'Mount a writable volume there, owned by the user this process runs as, and let neither it nor `--root` lie in the other; a directory of its own below `--root` is fine.',
  },
  ERR_INTO_OCCUPIED: {
    class: 'retry',
    meaning:
      'A file or directory that git-sidecar did not put into the directory of `--into` is where the revision has another one. Nothing was changed.',
    hint: 'Move away what is named, or pass `--move-aside` to rename it and continue.',
  },
  ERR_INTO_ESCAPE: {
    class: 'retry',
    meaning:
      'A path or a symbolic link of the revision leads out of the directory of `--into`, or to a mount point in it. Nothing was changed.',
    hint: 'Remove the link from the repository, or the link or mount from the directory (`findmnt -T`); the revision before stays.',
  },
  ERR_INTO_FAILED: {
    class: 'retry',
    meaning: 'The directory of `--into` could not be brought to the revision.',
    hint: 'Look at the free space and the permissions of the directory; it is tried again, and goes on from where it stopped.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;
