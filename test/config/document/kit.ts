import { stringify } from 'yaml';
import { loadDocument } from '../../../src/config/document/load-document.ts';
import type { LoadedDocument, LoadedUnit } from '../../../src/config/document/loaded-document.ts';
import type { ReadFile } from '../../../src/config/document/read-file.ts';
import { SidecarError } from '../../../src/model/error.ts';

const PATH = '/etc/app/git.yaml';

/** Reads from `files` only, by absolute path. */
function filesOf(files: Readonly<Record<string, string>>): ReadFile {
  return (path, mostBytes) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    if (text.length > mostBytes) throw new Error(`it is larger than ${mostBytes} bytes`);
    return text;
  };
}

interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

/** The document that `source` is: YAML, or a value that is written as YAML. */
export function load(source: unknown, { env = {}, files = {} }: Surroundings = {}): LoadedDocument {
  const text = typeof source === 'string' ? source : stringify(source);
  return loadDocument(PATH, { HOME: '/home/me', ...env }, filesOf({ ...files, [PATH]: text }));
}

/** What is wrong with `source`, a line for each problem. */
export function problemsOf(source: unknown, surroundings: Surroundings = {}): readonly string[] {
  try {
    load(source, surroundings);
  } catch (error) {
    if (error instanceof SidecarError) return error.detail.split('\n').map((line) => line.replace(`${PATH}:`, ''));
    throw error;
  }
  return [];
}

/** A sync that is right, with `more`. */
export function sync(name: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { name, repo: `https://git.example/${name}.git`, root: `/git/${name}`, ...more };
}

/** The unit named `name`. */
export function unitOf<K extends LoadedUnit['kind']>(
  document: LoadedDocument,
  kind: K,
  name: string,
): Extract<LoadedUnit, { kind: K }> {
  const found = document.units.find((unit) => unit.name === name && unit.kind === kind);
  if (!found) throw new Error(`no ${kind} named ${name}`);
  return found as Extract<LoadedUnit, { kind: K }>;
}
