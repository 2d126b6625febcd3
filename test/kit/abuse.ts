import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Dice } from './random.ts';
import { git } from './upstream.ts';

interface Found {
  readonly files: string[];
  readonly directories: string[];
}

function look(path: string, found: Found = { files: [], directories: [] }): Found {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    // What is abused has a name that is text: the others are there to be carried along.
    if (entry.name === '.git' || entry.name.includes('\ufffd')) continue;
    if (entry.isDirectory()) {
      found.directories.push(child);
      look(child, found);
    } else found.files.push(child);
  }
  return found;
}

const isRegular = (path: string): boolean => lstatSync(path).isFile();

/** Same size, same modification time: only the change time tells. */
function forge(path: string): void {
  const { size, atime, mtime } = lstatSync(path);
  writeFileSync(path, 'Z'.repeat(size));
  utimesSync(path, atime, mtime);
}

function actions(root: string, outside: string): Record<string, (file: string, directory: string) => void> {
  return {
    edit: (file) => isRegular(file) && appendFileSync(file, 'edited'),
    forge: (file) => isRegular(file) && forge(file),
    truncate: (file) => isRegular(file) && truncateSync(file),
    delete: (file) => rmSync(file),
    touch: (file) => isRegular(file) && utimesSync(file, new Date(), new Date()),
    'make private': (file) => isRegular(file) && chmodSync(file, 0o600),
    'make executable': (file) => isRegular(file) && chmodSync(file, 0o777),
    'give away': (file) => isRegular(file) && process.getuid?.() === 0 && chownSync(file, 1000, 1000),
    'hard link': (file) => isRegular(file) && linkSync(file, join(outside, `hard-${Math.random()}`)),
    'replace by a directory': (file) => {
      rmSync(file);
      mkdirSync(file);
      writeFileSync(join(file, 'inside'), 'x');
    },
    'replace by a link': (file) => {
      rmSync(file);
      symlinkSync(join(outside, 'precious'), file);
    },
    'delete a directory': (_file, directory) => directory !== root && rmSync(directory, { recursive: true }),
    'hide a directory': (_file, directory) => directory !== root && chmodSync(directory, 0o700),
    'move a directory out and link to it': (_file, directory) => {
      if (directory === root) return;
      const moved = join(outside, `moved-${Math.random()}`);
      renameSync(directory, moved);
      symlinkSync(moved, directory);
    },
    'add a file': (_file, directory) => writeFileSync(join(directory, `added-${Math.random()}.log`), 'x'),
    'add a directory': (_file, directory) => {
      mkdirSync(join(directory, '__pycache__'), { recursive: true });
      writeFileSync(join(directory, '__pycache__', 'a.pyc'), 'x');
    },
    'git add': () => void git(root, 'add', '-A'),
    'git assume-unchanged': (file) => {
      if (!isRegular(file)) return;
      writeFileSync(file, 'hidden from git');
      git(root, 'update-index', '--assume-unchanged', file);
    },
    'chmod -R': () => {
      const { files, directories } = look(root);
      for (const path of [...files.filter(isRegular), ...directories]) chmodSync(path, 0o775);
    },
  };
}

/** Does something to a published tree that nobody should. Returns what. */
export function abuse(root: string, outside: string, dice: Dice): string {
  const { files, directories } = look(root);
  const [name, act] = dice.pick(Object.entries(actions(root, outside)));
  const file = files.length > 0 ? dice.pick(files) : undefined;
  if (file === undefined) return 'nothing';
  try {
    act(file, dice.pick([root, ...directories]));
  } catch (error) {
    // git refuses to add a link that leads out, and the like.
    return `${name} failed: ${String(error).slice(0, 80)}`;
  }
  return `${name} ${file}`;
}
