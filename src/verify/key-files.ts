import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SidecarError } from '../model/error.ts';
import { isPrivate, type KeyKind, kindOfKeys } from './key-kinds.ts';

/** All keys that may sign, as their files hold them. */
export interface KeyRing {
  readonly files: Readonly<Record<KeyKind, readonly Buffer[]>>;
  /** Of the whole content: other keys have another one. */
  readonly digest: string;
}

const KINDS: readonly KeyKind[] = ['openpgp', 'x509', 'ssh-signers', 'ssh-revoked'];
/** A ring of many thousand keys has less. */
const MOST_BYTES = 64 * 1024 * 1024;

function refuse(path: string, detail: string, cause?: unknown): SidecarError {
  return new SidecarError('ERR_VERIFY_KEYS', { op: 'read the keys in', target: path, detail, cause });
}

/** Files of a directory; a mounted ConfigMap has names with a dot for itself. */
async function filesAt(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = await readdir(path);
  return names
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => join(path, name));
}

/** Something that differs once a file was written or replaced. */
async function stampOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return `${path} ${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

async function readKeys(path: string): Promise<{ readonly kind: KeyKind; readonly content: Buffer }> {
  if ((await stat(path)).size > MOST_BYTES) throw refuse(path, 'it is too large');
  const content = await readFile(path);
  if (isPrivate(content)) throw refuse(path, 'it holds a private key, which does not belong here');
  const kind = kindOfKeys(content);
  if (!kind) throw refuse(path, 'it holds no keys of a kind that is known');
  return { kind, content };
}

/** The files of `--verify-keys`; they are read again when one of them changed. */
export class KeyFiles {
  readonly #paths: readonly string[];
  #stamps: string | undefined;
  #ring: KeyRing | undefined;

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  /** @throws SidecarError ERR_VERIFY_KEYS */
  async read(): Promise<KeyRing> {
    const files: string[] = [];
    const stamps: string[] = [];
    for (const path of this.#paths) {
      try {
        const found = await filesAt(path);
        if (found.length === 0) throw refuse(path, 'the directory holds no files');
        files.push(...found);
        stamps.push(...(await Promise.all(found.map(stampOf))));
      } catch (error) {
        throw error instanceof SidecarError ? error : refuse(path, messageOf(error), error);
      }
    }
    if (this.#ring && this.#stamps === stamps.join('\n')) return this.#ring;
    const ring = await this.#load(files);
    this.#stamps = stamps.join('\n');
    this.#ring = ring;
    return ring;
  }

  async #load(paths: readonly string[]): Promise<KeyRing> {
    const all: { readonly kind: KeyKind; readonly content: Buffer }[] = [];
    for (const path of paths) {
      all.push(
        await readKeys(path).catch((error: unknown) => {
          throw error instanceof SidecarError ? error : refuse(path, messageOf(error), error);
        }),
      );
    }
    const hash = createHash('sha256');
    for (const { kind, content } of all) hash.update(`${kind} ${content.length}\n`).update(content);
    const of = (kind: KeyKind): readonly Buffer[] =>
      all.filter((each) => each.kind === kind).map((each) => each.content);
    const files = Object.fromEntries(KINDS.map((kind) => [kind, of(kind)])) as Record<KeyKind, readonly Buffer[]>;
    return { files, digest: hash.digest('hex') };
  }
}
