import { SidecarError } from '../model/error.ts';
import { type BytePath, continuePath, HERE, pathOfBytes } from '../platform/byte-path.ts';

/** What git recorded about one file when it wrote it (git, index-format). */
export interface IndexEntry {
  readonly path: BytePath;
  /** Of its content, one byte in each character: good for comparisons. */
  readonly blob: string;
  /** `0o100644`, `0o100755`, `0o120000` (symlink) or `0o160000` (submodule). */
  readonly mode: number;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly ctimeSeconds: number;
  readonly ctimeNanoseconds: number;
  /** 0 but in a merge that is not finished. */
  readonly stage: number;
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

/** Fills `target` from offset `at` on with the next bytes of the file; returns how many, 0 at its end. */
export type ReadBytes = (target: Buffer, at: number) => number;

/** Reads from bytes that are in memory. */
export function bytesReader(bytes: Buffer): ReadBytes {
  let position = 0;
  return (target, at) => {
    const copied = bytes.copy(target, at, position);
    position += copied;
    return copied;
  };
}

/** Longer than any entry: its fixed part and a path of PATH_MAX bytes. */
const LONGEST_ENTRY = 8192;
const WINDOW_BYTES = 64 * 1024;

/** A window that moves over the file, so that an index of any size takes the same memory. */
export class IndexWindow {
  readonly #read: ReadBytes;
  readonly #onPassed: (bytes: Buffer) => void;
  readonly #buffer = Buffer.alloc(WINDOW_BYTES);
  #end = 0;
  /** The part of it that holds bytes of the file; made once for all entries in it. */
  #held = this.#buffer.subarray(0, 0);
  #isAtEnd = false;
  /** Where the next entry starts. */
  at = 0;

  /** @param onPassed gets all bytes in their order, once the window has moved past them */
  constructor(read: ReadBytes, onPassed: (bytes: Buffer) => void = () => undefined) {
    this.#read = read;
    this.#onPassed = onPassed;
  }

  /** What is left in the window; at least one whole entry, unless the file ends before. */
  bytes(): Buffer {
    if (this.#end - this.at < LONGEST_ENTRY && !this.#isAtEnd) this.#refill();
    return this.#held;
  }

  /** What is in the window, without moving it: the entry that was read last starts at `at`. */
  held(): Buffer {
    return this.#held;
  }

  /** The rest of the file, from the next entry on; the window is at its end then. */
  rest(): Buffer {
    const pieces: Buffer[] = [];
    for (let bytes = this.bytes(); bytes.length > this.at; bytes = this.bytes()) {
      pieces.push(Buffer.from(bytes.subarray(this.at)));
      this.#onPassed(this.#buffer.subarray(0, this.at));
      this.at = 0;
      this.#end = 0;
      this.#held = this.#buffer.subarray(0, 0);
    }
    return Buffer.concat(pieces);
  }

  #refill(): void {
    this.#onPassed(this.#buffer.subarray(0, this.at));
    this.#buffer.copyWithin(0, this.at, this.#end);
    this.#end -= this.at;
    this.at = 0;
    while (this.#end < this.#buffer.length && !this.#isAtEnd) {
      const count = this.#read(this.#buffer, this.#end);
      this.#isAtEnd = count === 0;
      this.#end += count;
    }
    this.#held = this.#buffer.subarray(0, this.#end);
  }
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

/** Reads the entry at `start`; returns it with the offset behind it. */
function readEntry(
  bytes: Buffer,
  start: number,
  version: number,
  oidBytes: number,
  previous: BytePath,
): { entry: IndexEntry; next: number } {
  const flagsAt = start + 40 + oidBytes;
  const isExtended = (bytes.readUInt16BE(flagsAt) & EXTENDED) !== 0;
  const extended = isExtended ? bytes.readUInt16BE(flagsAt + 2) : 0;
  let pathAt = flagsAt + (isExtended ? 4 : 2);
  let prefix = HERE;
  if (version === 4) {
    const { value, next } = readVarint(bytes, pathAt);
    prefix = previous.slice(0, previous.length - value);
    pathAt = next;
  }
  const end = bytes.indexOf(0, pathAt);
  if (end < 0) throw malformed('a path does not end');
  const entry: IndexEntry = {
    path: continuePath(prefix, pathOfBytes(bytes, pathAt, end)),
    blob: bytes.toString('latin1', start + 40, start + 40 + oidBytes),
    mode: bytes.readUInt32BE(start + 24),
    size: bytes.readUInt32BE(start + 36),
    mtimeSeconds: bytes.readUInt32BE(start + 8),
    mtimeNanoseconds: bytes.readUInt32BE(start + 12),
    ctimeSeconds: bytes.readUInt32BE(start),
    ctimeNanoseconds: bytes.readUInt32BE(start + 4),
    stage: (bytes.readUInt16BE(flagsAt) >> 12) & 3,
    skipWorktree: (extended & SKIP_WORKTREE) !== 0,
  };
  return { entry, next: endOfEntry(start, end, version) };
}

/** What the index says of an entry besides its path. */
export type EntryFacts = Pick<IndexEntry, 'mode' | 'size' | 'skipWorktree'>;

/**
 * Looks at the entries of an index one after the other, without their paths, which takes a tenth of the time.
 * @param isEnough called with the facts of each, always the same object; when it returns true, the rest is not read
 * @throws as {@link readIndex}
 */
export function lookThroughIndex(read: ReadBytes, oidBytes: 20 | 32, isEnough: (facts: EntryFacts) => boolean): void {
  const window = new IndexWindow(read);
  const { version, count } = readHeader(window);
  const facts = { mode: 0, size: 0, skipWorktree: false };
  try {
    for (let index = 0; index < count; index += 1) {
      const bytes = window.bytes();
      const start = window.at;
      const flagsAt = start + 40 + oidBytes;
      const isExtended = (bytes.readUInt8(flagsAt) & (EXTENDED >> 8)) !== 0;
      let pathAt = flagsAt + (isExtended ? 4 : 2);
      if (version === 4) pathAt = readVarint(bytes, pathAt).next;
      const end = bytes.indexOf(0, pathAt);
      if (end < 0) throw malformed('a path does not end');
      facts.mode = bytes.readUInt32BE(start + 24);
      facts.size = bytes.readUInt32BE(start + 36);
      facts.skipWorktree = isExtended && (bytes.readUInt16BE(flagsAt + 2) & SKIP_WORKTREE) !== 0;
      if (isEnough(facts)) return;
      window.at = endOfEntry(start, end, version);
    }
  } catch (error) {
    if (error instanceof RangeError) throw malformed('it ends inside an entry');
    throw error;
  }
}

function endOfEntry(start: number, end: number, version: number): number {
  return version === 4 ? end + 1 : start + Math.ceil((end + 1 - start) / 8) * 8;
}

function readHeader(window: IndexWindow): { version: number; count: number } {
  const header = window.bytes();
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, 4) !== 'DIRC')
    throw malformed('it is not an index file');
  const version = header.readUInt32BE(4);
  if (version < 2 || version > 4) throw malformed(`version ${version} is unknown`);
  window.at = HEADER_BYTES;
  return { version, count: header.readUInt32BE(8) };
}

/** The entries of an index; while one is being looked at, its bytes start at `window.at`. */
export function* readEntries(window: IndexWindow, oidBytes: number): Generator<IndexEntry> {
  const { version, count } = readHeader(window);
  let previous = HERE;
  for (let index = 0; index < count; index += 1) {
    const bytes = window.bytes();
    const { entry, next } = readEntry(bytes, window.at, version, oidBytes, previous);
    if (next > bytes.length) throw malformed('it ends inside an entry');
    previous = entry.path;
    yield entry;
    window.at = next;
  }
}

/**
 * Reads an index file of version 2, 3 or 4, one entry after the other in git's order (by the bytes of the path).
 *
 * @param oidBytes 20 for SHA-1, 32 for SHA-256
 * @throws SidecarError ERR_CHECKOUT_FAILED when it is not an index or ends early
 */
export function* readIndex(read: ReadBytes, oidBytes: 20 | 32): Generator<IndexEntry> {
  try {
    yield* readEntries(new IndexWindow(read), oidBytes);
  } catch (error) {
    if (error instanceof RangeError) throw malformed('it ends inside an entry');
    throw error;
  }
}
