import { createHash } from 'node:crypto';
import type { Git } from '../git/git.ts';
import { SidecarError } from '../model/error.ts';
import { type Oid, objectFormatOf } from '../model/oid.ts';

/** An object as git stores it. */
export interface RawObject {
  readonly type: 'commit' | 'tag';
  readonly content: Buffer;
}

/** Only objects themselves count: no replacements, no grafts, no index of commits, and nothing is fetched on the way. */
export const PLAIN = { GIT_NO_REPLACE_OBJECTS: '1', GIT_GRAFT_FILE: '/dev/null', GIT_NO_LAZY_FETCH: '1' } as const;
export const PLAIN_SETTINGS = ['-c', 'core.commitGraph=false'] as const;

const MOST_BYTES = 32 * 1024 * 1024;
const NEWLINE = 0x0a;

/** How many objects are read by one process. */
const BATCH = 200;

function unreadable(oid: Oid, detail: string): SidecarError {
  return new SidecarError('ERR_FETCH_OBJECTS', { op: 'read', target: oid, detail });
}

/** Splits the answer of `cat-file --batch` (git-cat-file(1), BATCH OUTPUT) and compares each object with its name. */
function parseAnswer(bytes: Buffer, oids: readonly Oid[]): Map<Oid, RawObject> {
  const found = new Map<Oid, RawObject>();
  let at = 0;
  for (const oid of oids) {
    const end = bytes.indexOf(NEWLINE, at);
    const [name, type = '', size = ''] = bytes.subarray(at, Math.max(at, end)).toString('latin1').split(' ');
    if (end === -1 || name !== oid || (type !== 'commit' && type !== 'tag'))
      throw unreadable(oid, type === 'missing' ? 'it is not here' : 'it is no commit and no tag');
    const content = bytes.subarray(end + 1, end + 1 + Number(size));
    const digest = createHash(objectFormatOf(oid)).update(`${type} ${size}\0`).update(content).digest('hex');
    if (digest !== oid) throw unreadable(oid, 'its content does not have this id');
    found.set(oid, { type, content });
    at = end + 1 + Number(size) + 1;
  }
  return found;
}

/**
 * Reads commits and tags, byte by byte as they are named.
 * @throws SidecarError ERR_FETCH_OBJECTS when one is missing or is not what its id says
 */
export async function readObjects(
  git: Git,
  gitDir: string,
  oids: readonly Oid[],
  signal: AbortSignal,
): Promise<Map<Oid, RawObject>> {
  const all = new Map<Oid, RawObject>();
  for (let start = 0; start < oids.length; start += BATCH) {
    const some = oids.slice(start, start + BATCH);
    const { bytes } = await git.run(['--git-dir', gitDir, 'cat-file', '--batch'], {
      op: 'read commits of',
      target: gitDir,
      stdin: some.map((oid) => `${oid}\n`).join(''),
      maxOutputBytes: MOST_BYTES,
      env: PLAIN,
      signal,
    });
    for (const [oid, object] of parseAnswer(bytes, some)) all.set(oid, object);
  }
  return all;
}

export async function readObject(git: Git, gitDir: string, oid: Oid, signal: AbortSignal): Promise<RawObject> {
  const object = (await readObjects(git, gitDir, [oid], signal)).get(oid);
  if (!object) throw unreadable(oid, 'it is not here');
  return object;
}
