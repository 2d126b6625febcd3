import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GIT_ENV, git } from '../../test/kit/upstream.ts';
import { size } from '../size.ts';

const FILES = 1000;
const BIG_BYTES = 20_000_000;
const HISTORY = 20_000;
/** Branches of `refs.git`. */
export const REFS = size('BENCH_REFS', { full: 30_000, smoke: 1000 });
const branchOf = (index: number): string => `branch-${String(index % REFS).padStart(7, '0')}`;
/** Where commits wait until they are pushed; the server does not show it. */
const PREPARED = 'refs/prepared/main';

export interface TenantRepositories {
  /** Bare, below `honest/` of the directory that is served. */
  readonly app: string;
  /** Commits on top of each other; the first is published. */
  readonly commits: readonly string[];
  readonly bigTip: string;
  readonly commitsFile: string;
  readonly refsDirectory: string;
}

function bare(path: string): string {
  mkdirSync(path, { recursive: true });
  git(path, 'init', '-q', '--bare', '-b', 'main');
  for (const [key, value] of Object.entries({ 'gc.auto': '0', 'transfer.hideRefs': 'refs/prepared' }))
    git(path, 'config', key, value);
  return path;
}

function importInto(path: string, chunks: readonly (string | Buffer)[]): void {
  const input = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string)));
  execFileSync('git', ['fast-import', '--quiet'], { cwd: path, env: GIT_ENV, input });
}

const commitTo = (ref: string, index: number): string =>
  `commit ${ref}\ncommitter C O Mitter <c@example.com> ${1_700_000_000 + index} +0000\ndata 2\nc\n\n`;
const file = (name: string, text: string): string =>
  `M 100644 inline ${name}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
const listOf = (path: string, ref: string): string[] => git(path, 'rev-list', ref).split('\n');

/** @param pushes how many commits the honest tenant will push */
export function makeRepositories(directory: string, pushes: number): TenantRepositories {
  const app = bare(join(directory, 'honest/app.git'));
  const files = Array.from({ length: FILES }, (_, index) => {
    return file(`d${index % 20}/f${index}`, `file ${index}\n${'lorem ipsum '.repeat(index % 80)}\n`);
  });
  const changes = Array.from({ length: pushes }, (_, index) => {
    return commitTo(PREPARED, index + 1) + file(`d${index % 20}/f${index % FILES}`, `push ${index}\n`);
  });
  importInto(app, [commitTo(PREPARED, 0), ...files, ...changes]);
  const commits = listOf(app, PREPARED).reverse();
  git(app, 'update-ref', 'refs/heads/main', commits[0] ?? '');

  const big = bare(join(directory, 'hostile/big.git'));
  const bytes = randomBytes(BIG_BYTES);
  const main = 'refs/heads/main';
  importInto(big, [commitTo(main, 0), `M 100644 inline big.bin\ndata ${BIG_BYTES}\n`, bytes, '\n']);

  const history = bare(join(directory, 'hostile/history.git'));
  importInto(
    history,
    Array.from({ length: HISTORY + 1 }, (_, index) => commitTo(main, index) + file(`f${index % 50}`, `${index}\n`)),
  );
  const commitsFile = join(directory, 'commits');
  writeFileSync(commitsFile, listOf(history, main).join('\n'));

  const refs = bare(join(directory, 'hostile/refs.git'));
  importInto(refs, [commitTo(main, 0), commitTo(main, 1)]);
  const first = git(refs, 'rev-parse', `${main}^`);
  const lines = Array.from({ length: REFS }, (_, index) => `${first} refs/heads/${branchOf(index)}\n`);
  git(refs, 'pack-refs', '--all');
  writeFileSync(
    join(refs, 'packed-refs'),
    `# pack-refs with: peeled fully-peeled sorted \n${lines.join('')}${git(refs, 'rev-parse', main)} ${main}\n`,
  );
  return { app, commits, bigTip: git(big, 'rev-parse', main), commitsFile, refsDirectory: refs };
}
