import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { quoteBytes } from './odd-names.ts';
import type { Dice } from './random.ts';
import { GIT_ENV, git } from './upstream.ts';

interface Entry {
  readonly mode: '100644' | '100755' | '120000' | '160000';
  readonly text: string;
}

/**
 * Few names, so that files, directories, links and submodules take each other's places all the time. One byte in each
 * character: a name need not be UTF-8.
 */
const PATHS = [
  ...['a', 'A', 'b.txt', 'c.bin', 'd', 'd/a', 'd/A', 'd/b.txt', 'd/e', 'd/e/c', 'd/e/f.txt', 'D/a', 'e', 'e/x/y/z'],
  ...['run.sh', 'link', 'ü/é.txt', '\xc3\xbc', 'with space', '-dash', 'id.txt', 'd/id.c', 'z/1', 'z/2', 'z/3'],
];
const ATTRIBUTES = [
  '*.txt text eol=crlf\n',
  '*.txt text eol=lf\n',
  '*.txt ident\n*.c ident\n',
  '*.bin filter=shout\n',
  'a filter=shout\n* -text\n',
  '',
];
const TEXTS = [
  'one\n',
  'two\nlines\n',
  'crlf\r\nfile\r\n',
  '$Id$\n',
  '',
  'x'.repeat(5000),
  'same size a\n',
  'same size b\n',
];
const TARGETS = ['a', 'd', '../outside', 'nowhere', '/etc/hostname', 'd/e'];
/** Those that lead out of no tree, wherever the link is. */
export const INNER_TARGETS = ['a', 'd', 'nowhere', 'd/e'];
const FILTER = ['filter.shout.smudge=tr a-z A-Z', 'filter.shout.clean=tr A-Z a-z'];

/** `--git-config` for the filter that some of the histories' attributes name. */
export const HISTORY_GIT_CONFIG = FILTER.map((text) => text.replace('=', ':"').concat('"')).join(',');

/** A bare repository that gets one random commit after another. */
export class RandomHistory {
  readonly bare: string;
  readonly #dice: Dice;
  readonly #directory: string;
  /** Files that no random change touches, so that the tree is large. */
  readonly #padding: readonly string[];
  readonly #targets: readonly string[];
  #tree = new Map<string, Entry>();
  #number = 0;

  constructor(directory: string, dice: Dice, padding = 0, targets: readonly string[] = TARGETS) {
    this.#targets = targets;
    this.#padding = Array.from({ length: padding }, (_, index) => `pad/${index % 60}/${index}`);
    this.#dice = dice;
    this.#directory = directory;
    this.bare = join(directory, 'history.git');
    git(directory, 'init', '-q', '--bare', '-b', 'main', this.bare);
    for (const setting of FILTER) git(this.bare, 'config', ...(setting.split('=') as [string, string]));
  }

  #put(path: string, entry: Entry | undefined): void {
    for (const other of [...this.#tree.keys()])
      if (other === path || other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) this.#tree.delete(other);
    if (entry) this.#tree.set(path, entry);
  }

  #randomEntry(): Entry {
    const dice = this.#dice;
    const kind = dice.below(20);
    if (kind === 0 && dice.chance(0.2)) return { mode: '160000', text: 'a'.repeat(40) };
    if (kind < 4) return { mode: '120000', text: dice.pick(this.#targets) };
    return { mode: kind < 8 ? '100755' : '100644', text: dice.pick(TEXTS) };
  }

  #change(): void {
    const dice = this.#dice;
    const present = [...this.#tree.keys()];
    const what = dice.below(12);
    if (what === 0)
      this.#put(dice.pick(['.gitattributes', 'd/.gitattributes']), { mode: '100644', text: dice.pick(ATTRIBUTES) });
    else if (what < 3 && present.length > 0) this.#put(dice.pick(present), undefined);
    else if (what < 5 && present.length > 0) {
      const [from, to] = [dice.pick(present), dice.pick(PATHS)];
      const entry = this.#tree.get(from);
      this.#put(from, undefined);
      this.#put(to, entry);
    } else if (what < 6 && present.length > 0) {
      const path = dice.pick(present);
      const entry = this.#tree.get(path);
      if (entry?.mode.startsWith('100'))
        this.#put(path, { mode: entry.mode === '100644' ? '100755' : '100644', text: entry.text });
    } else this.#put(dice.pick(PATHS), this.#randomEntry());
  }

  /** Commits a random change; sometimes a wholly other tree, without history. Returns the commit. */
  commit(): string {
    const dice = this.#dice;
    this.#number += 1;
    const anew = dice.chance(0.03);
    if (anew) this.#tree = new Map();
    for (let changes = anew ? 15 : 1 + dice.below(4); changes > 0; changes -= 1) this.#change();
    const lines = ['reset refs/heads/main'];
    if (this.#number > 1 && !anew) lines.push('from refs/heads/main^0');
    lines.push('', 'commit refs/heads/main', `committer C <c@example.com> ${1_700_000_000 + this.#number} +0000`);
    lines.push(`data ${Buffer.byteLength(`${this.#number}`)}`, `${this.#number}`, 'deleteall');
    for (const [path, { mode, text }] of this.#tree) {
      const quoted = quoteBytes(Buffer.from(path, 'latin1'));
      if (mode === '160000') lines.push(`M ${mode} ${text} ${quoted}`);
      else lines.push(`M ${mode} inline ${quoted}`, `data ${Buffer.byteLength(text)}`, text);
    }
    for (const path of this.#padding) lines.push(`M 100644 inline ${path}`, `data ${path.length}`, path);
    execFileSync('git', ['fast-import', '--quiet', '--force'], {
      cwd: this.bare,
      env: GIT_ENV,
      input: `${lines.join('\n')}\n`,
    });
    return git(this.bare, 'rev-parse', 'main');
  }

  /** A fresh checkout of a commit, made by git alone in a directory of its own. */
  checkOut(oid: string, sparsePatterns?: string): string {
    const target = join(this.#directory, `fresh-${oid}-${this.#number}-${Math.random()}`);
    mkdirSync(target);
    const index = `${target}.index`;
    const sparse =
      sparsePatterns === undefined ? [] : ['-c', 'core.sparseCheckout=true', '-c', 'core.sparseCheckoutCone=false'];
    if (sparsePatterns !== undefined) writeFileSync(join(this.bare, 'info', 'sparse-checkout'), sparsePatterns);
    execFileSync('git', [...sparse, 'read-tree', '-m', '-u', oid], {
      cwd: target,
      env: { ...GIT_ENV, GIT_DIR: this.bare, GIT_WORK_TREE: target, GIT_INDEX_FILE: index },
    });
    return target;
  }
}
