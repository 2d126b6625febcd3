import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Environment for the tests' own git: nothing of the machine's configuration. */
export const GIT_ENV: Record<string, string> = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'A U Thor',
  GIT_AUTHOR_EMAIL: 'author@example.com',
  GIT_COMMITTER_NAME: 'C O Mitter',
  GIT_COMMITTER_EMAIL: 'committer@example.com',
};

export function git(cwd: string, ...args: string[]): string {
  return execFileSync('git', ['-c', 'protocol.file.allow=always', ...args], {
    cwd,
    env: GIT_ENV,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
    .toString()
    .trim();
}

/** File contents by path; null deletes, `{ link }` makes a symlink, `{ exec }` an executable file. */
export type Files = Record<string, string | null | { link: string } | { exec: string }>;

/** A bare repository and a work tree to commit from. */
export class Upstream {
  readonly bare: string;
  readonly work: string;

  constructor(directory: string, name = 'repo.git', options: { format?: 'sha1' | 'sha256'; branch?: string } = {}) {
    this.bare = join(directory, name);
    this.work = join(directory, `${name}.work`);
    const branch = options.branch ?? 'main';
    mkdirSync(directory, { recursive: true });
    git(directory, 'init', '-q', '--bare', '-b', branch, `--object-format=${options.format ?? 'sha1'}`, this.bare);
    git(this.bare, 'config', 'http.receivepack', 'true');
    // It would go on in the background while the test's directory is removed.
    git(this.bare, 'config', 'receive.autogc', 'false');
    git(this.bare, 'config', 'gc.auto', '0');
    git(directory, 'init', '-q', '-b', branch, `--object-format=${options.format ?? 'sha1'}`, this.work);
    git(this.work, 'remote', 'add', 'origin', this.bare);
  }

  write(files: Files): void {
    for (const [path, content] of Object.entries(files)) {
      const full = join(this.work, path);
      mkdirSync(dirname(full), { recursive: true });
      if (content === null || typeof content !== 'string') rmSync(full, { recursive: true, force: true });
      if (typeof content === 'string') writeFileSync(full, content);
      else if (content !== null && 'link' in content) symlinkSync(content.link, full);
      else if (content !== null) {
        writeFileSync(full, content.exec);
        chmodSync(full, 0o755);
      }
    }
  }

  /** Commits `files` on the current branch and pushes it (with --force). Returns the commit. */
  commit(files: Files, message = 'change'): string {
    this.write(files);
    git(this.work, 'add', '-A');
    git(this.work, 'commit', '-q', '--allow-empty', '-m', message);
    this.push();
    return this.head();
  }

  push(...refs: string[]): void {
    git(this.work, 'push', '-q', '--force', 'origin', ...(refs.length > 0 ? refs : ['HEAD']));
  }

  head(revision = 'HEAD'): string {
    return git(this.work, 'rev-parse', revision);
  }

  git(...args: string[]): string {
    return git(this.work, ...args);
  }
}
