import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import { type Oid, parseOid } from '../model/oid.ts';
import { makeDirectoryBelow, writeBelow } from '../platform/files-below.ts';
import { asideDirectory } from '../platform/make-way.ts';

/** What is remembered of one followed ref. */
export interface Remembered {
  /** The last commit that was published. */
  readonly oid: Oid;
  /** Commits that were published once although they lead back. */
  readonly rewinds: readonly Oid[];
}

/** As many as anybody allows in the life of a volume. */
const MOST_REWINDS = 100;

function parse(value: unknown): Remembered | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { oid, rewinds } = value as Record<string, unknown>;
  const parsed = parseOid(typeof oid === 'string' ? oid : '');
  if (!parsed) return undefined;
  const list: readonly unknown[] = Array.isArray(rewinds) ? rewinds : [];
  return { oid: parsed, rewinds: list.flatMap((each) => parseOid(String(each)) ?? []) };
}

/** The file. */
interface Saved {
  /** The key of what was published last. */
  readonly last: string | undefined;
  readonly refs: Readonly<Record<string, unknown>>;
}

/**
 * Which commit was published last, for each repository and ref that is followed in this root. It lies outside of the
 * repository, because it must survive when that is made anew.
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
    return parse((await this.#load()).refs[this.#key]);
  }

  /** What is published may be of another repository or ref: the configuration has changed since. */
  async isOfAnother(): Promise<boolean> {
    const { last } = await this.#load();
    return last !== undefined && last !== this.#key;
  }

  /** @throws SidecarError ERR_ROOT_WRITE */
  async write(remembered: Remembered): Promise<void> {
    const { last, refs } = await this.#load();
    const before = parse(refs[this.#key]);
    const isSame = before?.oid === remembered.oid && before.rewinds.length === remembered.rewinds.length;
    if (last === this.#key && isSame) return;
    const entry = { ...remembered, rewinds: remembered.rewinds.slice(-MOST_REWINDS) };
    const saved: Saved = { last: this.#key, refs: { ...refs, [this.#key]: entry } };
    try {
      await makeDirectoryBelow({ root: this.#root, path: asideDirectory(this.#root) });
      await writeBelow({ root: this.#root, path: this.#path }, `${JSON.stringify(saved)}\n`, { flush: true });
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
      const { last, refs } = JSON.parse(await readFile(this.#path, 'utf8')) as Partial<Saved>;
      if (typeof last !== 'string' || typeof refs !== 'object') throw new Error('it is not what was written there');
      this.#saved = { last, refs };
    } catch (error) {
      if (systemCode(error) !== 'ENOENT')
        throw new SidecarError('ERR_ROOT_WRITE', {
          op: 'read what was verified from',
          target: this.#path,
          detail: messageOf(error),
          hint: 'Remove the file if you know that what is published is right.',
          cause: error,
        });
      this.#saved = { last: undefined, refs: {} };
    }
    return this.#saved;
  }
}
