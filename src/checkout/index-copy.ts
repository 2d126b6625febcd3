import { createHash } from 'node:crypto';
import { SidecarError } from '../model/error.ts';
import { type IndexEntry, IndexWindow, type ReadBytes, readEntries } from './index-file.ts';

/** What an index remembers of a file's `lstat`, all but what the file is. */
export interface FileStamp {
  readonly ctimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
}

/** Extensions that say nothing about single files (git, index-format): the tree cache, undo records, offsets. */
const HARMLESS_EXTENSIONS = ['TREE', 'REUC', 'EOIE', 'IEOT'];

const NANOSECONDS = 1_000_000_000n;
const LOW_32_BITS = 0xffff_ffffn;

function refuse(detail: string): SidecarError {
  return new SidecarError('ERR_CHECKOUT_FAILED', { op: 'copy the index', detail });
}

function requireHarmless(extensions: Buffer): void {
  for (let at = 0; at + 8 <= extensions.length; at += 8 + extensions.readUInt32BE(at + 4)) {
    const signature = extensions.toString('latin1', at, at + 4);
    if (!HARMLESS_EXTENSIONS.includes(signature))
      throw refuse(`it has the extension ${JSON.stringify(signature)}, which is unknown here`);
  }
}

/**
 * Copies an index while files change their place: what it says stays, but the stamps of files that were moved or cloned
 * become those of the files at their new place, so that git takes them as unchanged without reading them.
 */
export class IndexCopy {
  readonly #window: IndexWindow;
  readonly #write: (bytes: Buffer) => void;
  readonly #oidBytes: 20 | 32;
  readonly #hash;

  /** @param write takes the copy's bytes in their order, and must be done with them when it returns */
  constructor(read: ReadBytes, write: (bytes: Buffer) => void, oidBytes: 20 | 32) {
    this.#hash = createHash(oidBytes === 20 ? 'sha1' : 'sha256');
    this.#oidBytes = oidBytes;
    this.#write = write;
    this.#window = new IndexWindow(read, (bytes) => this.#pass(bytes));
  }

  /**
   * Reads to the end of the entries; the rest is up to {@link finish}.
   * @throws SidecarError ERR_CHECKOUT_FAILED when it is not an index or ends early
   */
  *entries(): Generator<IndexEntry> {
    try {
      yield* readEntries(this.#window, this.#oidBytes);
    } catch (error) {
      if (error instanceof RangeError) throw refuse('it ends inside an entry');
      throw error;
    }
  }

  /** Gives the entry that was yielded last the stamp of its file. */
  stamp({ ctimeNs, mtimeNs, dev, ino }: FileStamp): void {
    const bytes = this.#window.held();
    const { at } = this.#window;
    bytes.writeUInt32BE(Number((ctimeNs / NANOSECONDS) & LOW_32_BITS), at);
    bytes.writeUInt32BE(Number(ctimeNs % NANOSECONDS), at + 4);
    bytes.writeUInt32BE(Number((mtimeNs / NANOSECONDS) & LOW_32_BITS), at + 8);
    bytes.writeUInt32BE(Number(mtimeNs % NANOSECONDS), at + 12);
    bytes.writeUInt32BE(Number(dev & LOW_32_BITS), at + 16);
    bytes.writeUInt32BE(Number(ino & LOW_32_BITS), at + 20);
  }

  /**
   * Copies the extensions and writes the checksum.
   * @throws SidecarError ERR_CHECKOUT_FAILED when an extension is not known to be harmless
   */
  finish(): void {
    const rest = this.#window.rest();
    if (rest.length < this.#oidBytes) throw refuse('it ends before its checksum');
    const extensions = rest.subarray(0, rest.length - this.#oidBytes);
    requireHarmless(extensions);
    this.#pass(extensions);
    // All zeros: a setting keeps git from computing it (index.skipHash).
    const hadChecksum = rest.subarray(-this.#oidBytes).some((byte) => byte !== 0);
    this.#write(hadChecksum ? this.#hash.digest() : Buffer.alloc(this.#oidBytes));
  }

  #pass(bytes: Buffer): void {
    this.#hash.update(bytes);
    this.#write(bytes);
  }
}
