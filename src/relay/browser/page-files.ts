import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** How a body can be sent (RFC 9110, 8.4.1). */
export type Encoding = 'br' | 'gzip' | 'identity';

/** One file of the page. */
export interface PageFile {
  readonly type: string;
  /** As it stands in the header, with its quotes. */
  readonly etag: string;
  readonly bodies: Readonly<Record<Encoding, Buffer>>;
}

/** What the build writes: the files of the page as text, by their paths. */
interface Bundle {
  readonly files: Readonly<Record<string, { readonly type: string; readonly text: string }>>;
}

/**
 * The files of the page. A process that nobody opens the page of never reads them. They are compressed here and not by
 * the build: what zlib writes depends on the processor, and the build has to be the same everywhere.
 */
export class PageFiles {
  readonly #path: string;
  #bundle: Promise<Bundle> | undefined;
  readonly #files = new Map<string, Promise<PageFile>>();

  /** @param path of the file that the build wrote */
  constructor(path: string) {
    this.#path = path;
  }

  /** @returns undefined where the page has no file of this path @throws when the file of the build cannot be read */
  async find(path: string): Promise<PageFile | undefined> {
    const { files } = await this.#load();
    const file = Object.hasOwn(files, path) ? files[path] : undefined;
    if (!file) return undefined;
    const known = this.#files.get(path) ?? compress(file.type, Buffer.from(file.text));
    this.#files.set(path, known);
    return await known;
  }

  async #load(): Promise<Bundle> {
    const read = async (): Promise<Bundle> => JSON.parse(await readFile(this.#path, 'utf8')) as Bundle;
    this.#bundle ??= read();
    try {
      return await this.#bundle;
    } catch (error) {
      this.#bundle = undefined;
      throw error;
    }
  }
}

async function compress(type: string, identity: Buffer): Promise<PageFile> {
  const { brotliCompress, constants, gzip } = await import('node:zlib');
  const work = (run: (done: (error: Error | null, result: Buffer) => void) => void): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      run((error, result) => (error ? reject(error) : resolve(result)));
    });
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: identity.length };
  const [br, zipped] = await Promise.all([
    work((done) => brotliCompress(identity, { params }, done)),
    work((done) => gzip(identity, { level: 9 }, done)),
  ]);
  const etag = `"${createHash('sha256').update(identity).digest('base64url').slice(0, 22)}"`;
  return { type, etag, bodies: { br, gzip: zipped, identity } };
}
