import { readFileSync } from 'node:fs';
import { systemCode } from '../model/error.ts';
import { type Oid, parseOid } from '../model/oid.ts';
import { type Below, inParent, type WalkOptions } from '../platform/below.ts';
import { type BytePath, pathOfText, splitPaths } from '../platform/byte-path.ts';
import type { HeldDirectory, Name } from '../platform/held-directory.ts';
import { withFile } from './entry-copy.ts';
import type { Stamp } from './stamp.ts';

/** What tells one directory from another that is mounted in its place later. */
export interface DirectoryMark {
  readonly ino: number;
  /** 0 where the file system does not keep it. */
  readonly birthtimeMs: number;
}

export interface LedgerHead {
  readonly version: 1;
  readonly directory: DirectoryMark;
  /** The commit that the directory is at. */
  readonly oid: Oid;
  /** Changes whenever the same commit would look different there. */
  readonly shape: string;
  /** Identity of the boot in which it was written: what was written shortly before a power cut may be lost. */
  readonly boot: string;
  /** The directory is complete; otherwise it is to be compared file by file. */
  readonly complete: boolean;
}

/** What is ours in the directory. */
export interface Ledger {
  readonly head: LedgerHead;
  /** Files and links that a revision brought. */
  readonly files: ReadonlyMap<BytePath, Stamp>;
  /** Directories that we made. */
  readonly directories: ReadonlySet<BytePath>;
}

/** One record for each path, behind a record for the head; NUL ends a record, since no path can hold it. */
const END = '\0';
const DIRECTORY = pathOfText('d ');
const KINDS = { f: 'file', l: 'link' } as const;

function recordOf(path: BytePath, { kind, mode, size, mtimeMs, ctimeMs, ino }: Stamp): string {
  return `${kind === 'file' ? 'f' : 'l'} ${mode.toString(8)} ${size} ${mtimeMs} ${ctimeMs} ${ino} ${path}${END}`;
}

export function renderLedger({ head, files, directories }: Ledger): Buffer {
  const parts = [JSON.stringify(head) + END];
  for (const path of directories) parts.push(`d ${path}${END}`);
  for (const [path, stamp] of files) parts.push(recordOf(path, stamp));
  return Buffer.from(parts.join(''), 'latin1');
}

/** Kind, permissions, size, modification time, change time, inode number; the path follows. */
const FIELDS = 6;

/** @returns undefined when it is not whole */
function parseRecord(record: BytePath): [BytePath, Stamp] | undefined {
  const text = `${record}`;
  const fields = text.split(' ', FIELDS);
  const [letter = '', mode = '', ...numbers] = fields;
  const [size = Number.NaN, mtimeMs = Number.NaN, ctimeMs = Number.NaN, ino = Number.NaN] = numbers.map(Number);
  const start = fields.reduce((sum, field) => sum + field.length + 1, 0);
  const isWhole = Number.isFinite(size + mtimeMs + ctimeMs + ino) && start < text.length;
  if (!Object.hasOwn(KINDS, letter) || !isWhole) return undefined;
  const kind = KINDS[letter as keyof typeof KINDS];
  return [record.slice(start), { kind, mode: Number.parseInt(mode, 8), size, mtimeMs, ctimeMs, ino }];
}

/** @returns undefined when it is no ledger of ours, or not a whole one */
export function parseLedger(bytes: Buffer): Ledger | undefined {
  if (bytes.at(-1) !== 0) return undefined;
  const [first, ...records] = splitPaths(bytes);
  const head = parseHead(`${first}`);
  if (!head) return undefined;
  const files = new Map<BytePath, Stamp>();
  const directories = new Set<BytePath>();
  for (const record of records) {
    if (record.startsWith(DIRECTORY)) {
      directories.add(record.slice(DIRECTORY.length));
      continue;
    }
    const parsed = parseRecord(record);
    if (!parsed) return undefined;
    files.set(...parsed);
  }
  return { head, files, directories };
}

/** @returns undefined when `text` is none */
export function parseHead(text: string): LedgerHead | undefined {
  try {
    const saved = JSON.parse(text) as LedgerHead;
    return saved.version === 1 && parseOid(saved.oid) !== undefined ? saved : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The bytes of a file of ours; undefined when it is not there, or something else is.
 * @throws SidecarError ERR_PATH_REDIRECTED, the system's error
 */
export async function readIfThere(place: Below, options: WalkOptions = {}): Promise<Buffer | undefined> {
  const read = async (parent: HeldDirectory, name: Name): Promise<Buffer> =>
    await withFile(parent.at(name), (fd) => readFileSync(fd));
  try {
    return await inParent(place, read, options);
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENXIO', 'EISDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
