import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import { type Oid, parseOid } from '../model/oid.ts';
import { makeDirectoryBelow, writeBelow } from '../platform/files-below.ts';
import { flushNames } from '../platform/flush.ts';
import { asideDirectory } from '../platform/make-way.ts';

/** What is remembered of one followed ref. */
export interface Remembered {
  /** The last commit that was published. */
  readonly oid: Oid;
  /** Commits that were published once although they lead back. */
  readonly rewinds: readonly Oid[];
  /** Those that were published before it, the newest last: after a power cut the link can show one of them again. */
  readonly earlier: readonly Oid[];
}

/** A publish that had begun when the file was written. */
export interface Pending {
  /** The repository and ref that it is of. */
  readonly key: string;
  readonly oid: Oid;
  /** It leads back, and was allowed. */
  readonly isRewind: boolean;
  /** Identity of the boot of the machine in which it began. */
  readonly boot: string;
}

/** As many as anybody allows in the life of a volume. */
const MOST_REWINDS = 100;
/** More than are published while the kernel keeps a change of a directory before it is on the disk. */
const MOST_EARLIER = 32;

function oidsOf(value: unknown): readonly Oid[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  return list.flatMap((each) => parseOid(String(each)) ?? []);
}

function parse(value: unknown): Remembered | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { oid, rewinds, earlier } = value as Record<string, unknown>;
  const parsed = parseOid(typeof oid === 'string' ? oid : '');
  return parsed && { oid: parsed, rewinds: oidsOf(rewinds), earlier: oidsOf(earlier) };
}

function parsePending(value: unknown): Pending | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { key, oid, isRewind, boot } = value as Record<string, unknown>;
  const parsed = parseOid(typeof oid === 'string' ? oid : '');
  if (!parsed || typeof key !== 'string' || typeof boot !== 'string') return undefined;
  return { key, oid: parsed, isRewind: isRewind === true, boot };
}

/** Some file systems have nothing to flush for a directory. */
function unlessNoFlush(error: unknown): void {
  if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(systemCode(error) ?? '')) throw error;
}

/** The file. */
interface Saved {
  /** The key of what was published last; undefined: nothing was. */
  readonly last?: string;
  readonly refs: Readonly<Record<string, unknown>>;
  readonly pending?: Pending;
}

/**
 * Which commit was published last, for each repository and ref that is followed in this root, and which one is about to
 * be. It lies outside of the repository, because it must survive when that is made anew. A publish that begins is on
 * the disk before it is shown; that it has happened may come later, since what has begun is regarded as shown in another boot.
 */
export class VerifyMemory {
  readonly #root: string;
  readonly #key: string;
  #saved: Saved | undefined;

  /** @param key repository and ref */
  constructor(root: string, key: string) {
    this.#root = root;
    this.#key = key;
  }

  get #path(): string {
    return join(asideDirectory(this.#root), 'verified.json');
  }

  async read(): Promise<Remembered | undefined> {
    return await this.#of(this.#key);
  }

  /** What is published may be of another repository or ref: the configuration has changed since. */
  async isOfAnother(): Promise<boolean> {
    const { last } = await this.#load();
    return last !== undefined && last !== this.#key;
  }

  /** The publish that began last and of which nothing is known yet. */
  async pending(): Promise<Pending | undefined> {
    return (await this.#load()).pending;
  }

  /** Something is remembered of the ref that the pending publish is of. */
  async knowsRefOf({ key }: Pending): Promise<boolean> {
    return (await this.#of(key)) !== undefined;
  }

  /** The commit is about to be published. @throws SidecarError ERR_ROOT_WRITE */
  async intend(publish: Omit<Pending, 'key'>): Promise<void> {
    await this.#write({ ...(await this.#load()), pending: { ...publish, key: this.#key } }, true);
  }

  /** The pending publish has not happened. @throws SidecarError ERR_ROOT_WRITE */
  async drop(): Promise<void> {
    const { pending, ...saved } = await this.#load();
    if (pending) await this.#write(saved);
  }

  /** The pending publish has happened, or may have. @throws SidecarError ERR_ROOT_WRITE */
  async keepPending(): Promise<void> {
    const { pending } = await this.#load();
    if (pending) await this.#remember(pending);
  }

  /** The commit is published. @throws SidecarError ERR_ROOT_WRITE */
  async remember(oid: Oid, isRewind: boolean): Promise<void> {
    await this.#remember({ key: this.#key, oid, isRewind });
  }

  async #remember({ key, oid, isRewind }: Omit<Pending, 'boot'>): Promise<void> {
    const { last, refs, pending } = await this.#load();
    const before = await this.#of(key);
    if (last === key && before?.oid === oid && !isRewind && !pending) return;
    const { rewinds = [], earlier = [] } = before ?? {};
    const left = before ? [...earlier, before.oid].filter((each) => each !== oid) : [];
    const entry: Remembered = {
      oid,
      rewinds: (isRewind ? [...rewinds, oid] : rewinds).slice(-MOST_REWINDS),
      earlier: left.slice(-MOST_EARLIER),
    };
    await this.#write({ last: key, refs: { ...refs, [key]: entry } });
  }

  async #of(key: string): Promise<Remembered | undefined> {
    return parse((await this.#load()).refs[key]);
  }

  async #write(saved: Saved, withNames = false): Promise<void> {
    const directory = asideDirectory(this.#root);
    try {
      await makeDirectoryBelow({ root: this.#root, path: directory });
      await writeBelow({ root: this.#root, path: this.#path }, `${JSON.stringify(saved)}\n`, { flush: true });
      // The name of the file too: a power cut must not take away the note of what was shown.
      for (const each of withNames ? [directory, this.#root] : []) await flushNames(each).catch(unlessNoFlush);
    } catch (error) {
      const context = { op: 'remember what was verified in', target: this.#path, cause: error };
      throw new SidecarError('ERR_ROOT_WRITE', { ...context, detail: messageOf(error) });
    }
    this.#saved = saved;
  }

  /** @throws SidecarError ERR_ROOT_WRITE when there is a memory that cannot be understood: it is not taken for an empty one */
  async #load(): Promise<Saved> {
    if (this.#saved) return this.#saved;
    try {
      const { last, refs, pending: begun } = JSON.parse(await readFile(this.#path, 'utf8')) as Partial<Saved>;
      const pending = parsePending(begun);
      const isKnown = last === undefined ? pending !== undefined : typeof last === 'string';
      if (!isKnown || typeof refs !== 'object' || refs === null) throw new Error('it is not what was written there');
      if (begun !== undefined && !pending) throw new Error('it is not what was written there');
      this.#saved = { ...(last !== undefined && { last }), refs, ...(pending && { pending }) };
    } catch (error) {
      if (systemCode(error) !== 'ENOENT')
        throw new SidecarError('ERR_ROOT_WRITE', {
          op: 'read what was verified from',
          target: this.#path,
          detail: messageOf(error),
          hint: 'Remove the file if you know that what is published is right.',
          cause: error,
        });
      this.#saved = { refs: {} };
    }
    return this.#saved;
  }
}
