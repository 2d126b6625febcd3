import { SidecarError } from '../model/error.ts';
import { bounded, releasable } from '../platform/bounded.ts';
import { withoutRests } from '../platform/short-lived.ts';
import type { Git } from './git.ts';

export interface PackToStore {
  readonly git: Git;
  readonly gitDir: string;
  /** The bytes of the pack while they come. Its `return` is called in any case, so that what is behind it is free. */
  readonly pack: AsyncIterator<Buffer>;
  readonly signal: AbortSignal;
  /** Called with the number of objects before any of them is stored. */
  readonly onCount?: (objects: number) => void;
}

/** Fewer objects than this become files of their own, as with git fetch (git-config, "fetch.unpackLimit"). */
const UNPACK_LIMIT = 100;
/** With fewer objects, several threads take more processor time and are not sooner. */
const THREADS_PAY = 100_000;
const PACK_HEADER_BYTES = 12;

/** Number of objects in a pack, from its header (gitformat-pack). */
function objectCount(header: Buffer): number {
  if (header.length < PACK_HEADER_BYTES || header.toString('latin1', 0, 4) !== 'PACK')
    throw new SidecarError('ERR_FETCH_OBJECTS', { op: 'fetch', detail: 'the server sent no pack' });
  return header.readUInt32BE(8);
}

async function readHeader(source: AsyncIterator<Buffer>): Promise<Buffer> {
  let header = Buffer.alloc(0);
  while (header.length < PACK_HEADER_BYTES) {
    const next = await source.next();
    if (next.done === true) break;
    header = Buffer.concat([header, next.value]);
  }
  return header;
}

async function* withHeader(source: AsyncIterator<Buffer>, header: Buffer): AsyncGenerator<Buffer> {
  yield header;
  for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
}

export interface StoredPack {
  /** Objects that it held. */
  readonly objects: number;
  /** The digest in the names of its files; undefined when its objects became files of their own. */
  readonly name: string | undefined;
}

/**
 * Lets git put a pack into a repository while it comes.
 * @throws SidecarError ERR_FETCH_OBJECTS, ERR_GIT_*, and what `pack` throws
 */
export async function storePack({ git, gitDir, pack, signal, onCount }: PackToStore): Promise<StoredPack> {
  const release = (): void => void pack.return?.()?.catch(() => undefined);
  try {
    const header = await bounded(readHeader(pack), signal);
    const objects = objectCount(header);
    onCount?.(objects);
    const isSmall = objects < UNPACK_LIMIT && !git.isTight;
    const threads = objects < THREADS_PAY ? ['--threads=1'] : [];
    const command = isSmall ? ['unpack-objects', '-q'] : ['index-pack', '--stdin', '--fix-thin', ...threads];
    const stdin = releasable(withoutRests(withHeader(pack, header)), release);
    const run = { op: 'store objects in', target: gitDir, stdin, signal };
    const { stdout } = await git.run(['--git-dir', gitDir, ...command], run);
    return { objects, name: /^(?:pack|keep)\t([0-9a-f]+)$/m.exec(stdout)?.[1] };
  } finally {
    release();
  }
}
