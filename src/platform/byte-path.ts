import { isUtf8 } from 'node:buffer';

declare const BYTES: unique symbol;

/**
 * A path, or a part of one, as the system and git have it: bytes, in no encoding. Linux forbids only NUL, and `/` in a
 * name, so a name need not be UTF-8, and turned into text it may lose what it was.
 *
 * At run time it is a string with one byte in each character (U+0000 to U+00FF), which is as fast as text and takes no
 * more memory. The type is not a string, so that it cannot be handed to `node:fs`, `node:path` or a log by mistake:
 * {@link systemPath} is for the system, `showPath` for people.
 */
export interface BytePath {
  readonly [BYTES]: never;
  readonly length: number;
  startsWith(part: BytePath): boolean;
  indexOf(part: '/', from?: number): number;
  lastIndexOf(part: '/'): number;
  slice(start: number, end?: number): BytePath;
}

/** The bytes from `start` to `end`, as a path. */
export function pathOfBytes(bytes: Buffer, start = 0, end = bytes.length): BytePath {
  return bytes.toString('latin1', start, end) as unknown as BytePath;
}

/** A path that we know as text: an option, a name of ours. */
export function pathOfText(text: string): BytePath {
  return pathOfBytes(Buffer.from(text));
}

/** The parts between NUL bytes, as `git -z` and `find -printf '%P\0'` write paths; what follows the last NUL is left out. */
export function splitPaths(bytes: Buffer): BytePath[] {
  return bytes.toString('latin1').split('\0').slice(0, -1) as unknown as BytePath[];
}

const NOT_ASCII = /[\x80-\xff]/;

/** What `node:fs` takes. ASCII goes as it is: a Buffer for each of 50,000 files costs a quarter of a look at a tree. */
export function systemPath(path: BytePath): Buffer | string {
  const text = path as unknown as string;
  return NOT_ASCII.test(text) ? bytesOfPath(path) : text;
}

/** The bytes themselves. */
export function bytesOfPath(path: BytePath): Buffer {
  return Buffer.from(path as unknown as string, 'latin1');
}

/** The empty path: the directory that a relative path starts from. */
export const HERE = pathOfText('');

/** `name` below `directory`; {@link HERE} adds nothing on either side. */
export function joinPath(directory: BytePath, name: BytePath): BytePath {
  if (directory.length === 0) return name;
  return (name.length === 0 ? directory : `${directory}/${name}`) as unknown as BytePath;
}

/** `start` and what follows it, with nothing in between. */
export function continuePath(start: BytePath, rest: BytePath): BytePath {
  return `${start}${rest}` as unknown as BytePath;
}

/** The directory of a relative path: all but its last name, {@link HERE} where it has only one. */
export function parentOf(path: BytePath): BytePath {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** In the order of their bytes, which is that of git's index. */
export function isBefore(one: BytePath, other: BytePath): boolean {
  return (one as unknown as string) < (other as unknown as string);
}

/** The last name of a path. */
export function nameOf(path: BytePath): BytePath {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A path in JSON: text where it is text, so that people and older versions can read it; else its bytes in hex. */
export type PathInJson = string | { readonly hex: string };

export function pathToJson(path: BytePath): PathInJson {
  const bytes = bytesOfPath(path);
  return isUtf8(bytes) ? bytes.toString() : { hex: bytes.toString('hex') };
}

export function pathFromJson(saved: PathInJson): BytePath {
  return typeof saved === 'string' ? pathOfText(saved) : pathOfBytes(Buffer.from(saved.hex, 'hex'));
}
