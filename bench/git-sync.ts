import { execFileSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '../src/model/error.ts';

/** A git-sync v4 program that is measured beside our loop of its commands. */
export interface GitSyncBinary {
  readonly path: string;
  /** How tables name it. */
  readonly name: string;
}

const ANSWER_MS = 10_000;

/** @throws Error that says what is wrong with the file */
export function openGitSync(given: string): GitSyncBinary {
  const path = resolve(given);
  try {
    if (!statSync(path).isFile()) throw new Error('it is no file');
    accessSync(path, constants.X_OK);
    const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent' };
    const version = execFileSync(path, ['--version'], { env, timeout: ANSWER_MS, stdio: ['ignore', 'pipe', 'ignore'] });
    return { path, name: `git-sync ${version.toString().trim()}` };
  } catch (error) {
    throw new Error(`--git-sync=${given}: ${messageOf(error)}; give the path of a git-sync v4 program`);
  }
}

/** What a table compares with, as a sentence. */
export function comparedWith(binary: GitSyncBinary | undefined): string {
  return binary
    ? `Compared with the program that was given with \`--git-sync\` (*${binary.name}*), and with our loop of git-sync v4.7.1’s commands.`
    : 'Compared with our loop of git-sync v4.7.1’s commands; a git-sync program was not given (`--git-sync=PATH`), so what its own process needs comes on top.';
}
