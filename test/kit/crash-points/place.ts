import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { exactTree } from '../exact-tree.ts';
import { GIT_ENV, git } from '../upstream.ts';

type Entry = readonly [mode: '100644' | '100755' | '120000', text: string];

/** Trees that follow each other: contents, modes, links, and files, directories and links in each other's places. */
const TREES: readonly Readonly<Record<string, Entry>>[] = [
  {
    turn: ['100644', 'x'],
    'added/here': ['100644', 'x'],
    script: ['100755', '#!/bin/sh\n'],
    pointer: ['120000', 'turn'],
  },
  { 'turn/inner': ['100644', 'y'], script: ['100644', '#!/bin/sh\n'], pointer: ['100644', 'turn'] },
  { turn: ['120000', 'text'], 'deep/er': ['100644', 'z'], script: ['100755', 'z'], pointer: ['120000', 'deep'] },
];
const SAME: Readonly<Record<string, Entry>> = { 'same/a': ['100644', 'a'], 'same/b': ['100755', 'b'] };

/** Files of somebody else below the root, with names that a careless clean-up would take for ours. */
const FOREIGN = ['notes', 'foreign/file.lock', 'foreign/tmp-link/x'];

/** A history of so many commits as git-fast-import(1) reads it. */
function writeHistory(commits: number): string {
  const lines: string[] = [];
  for (let number = 0; number < commits; number += 1) {
    const text: Entry = ['100644', `${number}\n`.repeat(1 + (number % 50))];
    const tree = { ...SAME, ...TREES[number % TREES.length], text };
    lines.push(`commit refs/heads/all`, `committer C <c@example.com> ${1_700_000_000 + number} +0000`);
    lines.push('data 1', 'x', 'deleteall');
    for (const [path, [mode, content]] of Object.entries(tree))
      lines.push(`M ${mode} inline ${path}`, `data ${Buffer.byteLength(content)}`, content);
  }
  return `${lines.join('\n')}\n`;
}

/** Where one sequence of crashes happens: a repository, a root with files of somebody else in it, a temporary directory. */
export class Place {
  readonly dir: string;
  readonly repository: string;
  /** Where it is fetched from: its path, or a server. */
  readonly url: string;
  readonly root: string;
  readonly link: string;
  readonly tmp: string;
  readonly #commits: readonly string[];
  readonly #trees = new Map<string, ReadonlyMap<string, string>>();
  #at = -1;

  constructor(dir: string, commits: number, server?: string) {
    this.dir = dir;
    this.repository = join(dir, 'repo.git');
    this.url = server === undefined ? this.repository : `${server}/${basename(dir)}/repo.git`;
    this.root = join(dir, 'root');
    this.link = join(this.root, 'link');
    this.tmp = join(dir, 'tmp');
    mkdirSync(this.tmp, { recursive: true });
    git(dir, 'init', '-q', '--bare', '-b', 'main', this.repository);
    execFileSync('git', ['fast-import', '--quiet'], {
      cwd: this.repository,
      env: GIT_ENV,
      input: writeHistory(commits),
    });
    this.#commits = git(this.repository, 'rev-list', '--reverse', 'all').split('\n');
    git(this.repository, 'update-ref', '-d', 'refs/heads/all');
    this.push();
  }

  /** The branch goes to the next commit. */
  push(): void {
    this.#at += 1;
    if (this.newest === '') throw new Error('there are no more commits');
    writeFileSync(join(this.repository, 'refs/heads/main'), `${this.newest}\n`);
  }

  get newest(): string {
    return this.#commits[this.#at] ?? '';
  }

  get before(): string {
    return this.#commits[this.#at - 1] ?? '';
  }

  /** What `git archive` gives for a commit. */
  treeOf(oid: string): ReadonlyMap<string, string> | undefined {
    if (!this.#commits.includes(oid)) return undefined;
    const known = this.#trees.get(oid);
    if (known) return known;
    const target = join(this.dir, 'archive');
    mkdirSync(target);
    const archive = execFileSync('git', ['-c', 'tar.umask=0022', 'archive', oid], {
      cwd: this.repository,
      env: GIT_ENV,
    });
    execFileSync('tar', ['-x', '-p', '-C', target], { input: archive });
    const tree = exactTree(target);
    rmSync(target, { recursive: true });
    this.#trees.set(oid, tree);
    return tree;
  }

  /** A root that holds nothing but files of somebody else. */
  empty(): void {
    rmSync(this.root, { recursive: true, force: true });
    for (const path of FOREIGN) {
      mkdirSync(join(this.root, path, '..'), { recursive: true });
      writeFileSync(join(this.root, path), path);
    }
  }

  /** What is wrong with somebody else's files. */
  get foreignFaults(): string[] {
    const found = exactTree(this.root);
    const lost = FOREIGN.filter((path) => !found.get(path)?.endsWith(` ${path}`));
    const hasMore = readdirSync(join(this.root, 'foreign'), { recursive: true }).length !== 3;
    return [
      ...lost.map((path) => `${path} of somebody else is not as it was`),
      ...(hasMore ? ['foreign/ has more'] : []),
    ];
  }
}
