import { SidecarError } from '../model/error.ts';

/** What git recorded about one file when it wrote it (git, index-format). */
export interface IndexEntry {
  readonly path: string;
  /** `0o100644`, `0o100755`, `0o120000` (symlink) or `0o160000` (submodule). */
  readonly mode: number;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** Left out of the worktree by a sparse checkout. */
  readonly skipWorktree: boolean;
}

export const GITLINK_MODE = 0o160000;

const HEADER_BYTES = 12;
const EXTENDED = 0x4000;
const SKIP_WORKTREE = 0x4000;

function malformed(detail: string): SidecarError {
  return new SidecarError('ERR_CHECKOUT_FAILED', { op: 'read the index', detail });
}

/** Version 4 stores how many bytes to drop from the previous path (the varint of pack offsets). */
function readVarint(bytes: Buffer, at: number): { value: number; next: number } {
  let byte = bytes.readUInt8(at);
  let next = at + 1;
  let value = byte & 0x7f;
  while (byte & 0x80) {
    byte = bytes.readUInt8(next);
    next += 1;
    value = (value + 1) * 128 + (byte & 0x7f);
  }
  return { value, next };
}

function* readEntries(bytes: Buffer, oidBytes: number): Generator<IndexEntry> {
  const version = bytes.readUInt32BE(4);
  const count = bytes.readUInt32BE(8);
  if (version < 2 || version > 4) throw malformed(`version ${version} is unknown`);
  let at = HEADER_BYTES;
  let previous = '';
  for (let index = 0; index < count; index += 1) {
    const start = at;
    const flagsAt = start + 40 + oidBytes;
    const flags = bytes.readUInt16BE(flagsAt);
    const extended = (flags & EXTENDED) !== 0 ? bytes.readUInt16BE(flagsAt + 2) : 0;
    let pathAt = flagsAt + 2 + ((flags & EXTENDED) !== 0 ? 2 : 0);
    let prefix = '';
    if (version === 4) {
      const { value, next } = readVarint(bytes, pathAt);
      const kept = Buffer.from(previous);
      prefix = kept.toString('utf8', 0, kept.length - value);
      pathAt = next;
    }
    const end = bytes.indexOf(0, pathAt);
    if (end < 0) throw malformed('a path does not end');
    const path = prefix + bytes.toString('utf8', pathAt, end);
    yield {
      path,
      mode: bytes.readUInt32BE(start + 24),
      size: bytes.readUInt32BE(start + 36),
      mtimeSeconds: bytes.readUInt32BE(start + 8),
      mtimeNanoseconds: bytes.readUInt32BE(start + 12),
      skipWorktree: (extended & SKIP_WORKTREE) !== 0,
    };
    previous = path;
    at = version === 4 ? end + 1 : start + Math.ceil((end + 1 - start) / 8) * 8;
  }
}

/**
 * Reads an index file of version 2, 3 or 4, one entry after the other in git's order (by the bytes of the path), so
 * that a tree of any size needs no more memory than the file itself.
 *
 * @param oidBytes 20 for SHA-1, 32 for SHA-256
 * @throws SidecarError ERR_CHECKOUT_FAILED when it is not an index or ends early
 */
export function* readIndex(bytes: Buffer, oidBytes: 20 | 32): Generator<IndexEntry> {
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 4) !== 'DIRC')
    throw malformed('it is not an index file');
  try {
    yield* readEntries(bytes, oidBytes);
  } catch (error) {
    if (error instanceof RangeError) throw malformed('it ends inside an entry');
    throw error;
  }
}
