import { dirname, resolve } from 'node:path';
import { messageOf, systemCode } from '../../model/error.ts';
import type { EnvironmentVariables } from '../settings.ts';
import { interpolate } from './interpolate.ts';
import type { Place, Problems } from './problems.ts';
import type { ReadFile } from './read-file.ts';
import type { TreeText } from './tree.ts';

/** Of a file that holds the value of an option. */
const LARGEST_VALUE = 64 * 1024;

/** A text of the document with variables and files put in. */
export interface ReadText {
  readonly text: string;
  readonly at: Place;
  /** What the document says: `${NAME}` where `text` has its value. */
  readonly written: string;
  /** Names of the variables in it. */
  readonly variables: readonly string[];
  /** The file that it came from. */
  readonly file: string | undefined;
}

/** Puts variables and files into texts. */
export class Texts {
  readonly #path: string;
  readonly #env: EnvironmentVariables;
  readonly #readFile: ReadFile;
  readonly #problems: Problems;
  readonly #files = new Map<string, string | undefined>();

  constructor(path: string, env: EnvironmentVariables, readFile: ReadFile, problems: Problems) {
    this.#path = path;
    this.#env = env;
    this.#readFile = readFile;
    this.#problems = problems;
  }

  /** Files that were read or tried, absolute. */
  get files(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** `node` with its variables. What is wrong is among the problems; then the result is undefined. */
  plain({ text: written, at }: TreeText): ReadText | undefined {
    const before = this.#problems.count;
    const { text, variables } = interpolate(written, this.#env, (what) => this.#problems.add(at, what));
    if (text.includes('\0')) this.#problems.add(at, 'a value cannot hold a NUL character');
    return this.#problems.count > before ? undefined : { text, at, written, variables, file: undefined };
  }

  /** As `plain`, and `file:PATH` stands for what is in that file. A URL `file://…` is a text like every other one. */
  value(node: TreeText): ReadText | undefined {
    const found = this.plain(node);
    if (!found || !/^file:(?!\/\/)/.test(node.text)) return found;
    const file = resolve(dirname(this.#path), found.text.slice('file:'.length));
    const content = this.#content(file, node.at);
    return content === undefined ? undefined : { ...found, text: content, file };
  }

  #content(file: string, at: Place): string | undefined {
    if (!this.#files.has(file)) this.#files.set(file, this.#read(file, at));
    return this.#files.get(file);
  }

  #read(file: string, at: Place): string | undefined {
    try {
      const text = this.#readFile(file, LARGEST_VALUE).replace(/\r?\n$/, '');
      if (!text.includes('\0')) return text;
      this.#problems.add(at, `the file ${file} holds a NUL character`);
    } catch (error) {
      this.#problems.add(at, `the file ${file} cannot be read: ${systemCode(error) ?? messageOf(error)}`);
    }
    return undefined;
  }
}
