import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGit, type Git } from '../../src/git/git.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { findProgram } from '../peers/programs.ts';
import { silentLog } from './silent-log.ts';
import { GIT_ENV } from './upstream.ts';

/** System calls by which git changes what is on disk. */
const CALLS = ['rename', 'link', 'linkat', 'unlink', 'mkdir', 'rmdir', 'write', 'fsync'];

/** The `nth` call of its kind in the `command`th git command. */
export interface DiskStep {
  readonly command: number;
  readonly call: string;
  readonly nth: number;
}

export interface KilledGit extends Git {
  /** Does `work`. @returns the steps of git in it that change something below `directory` */
  record(directory: string, work: () => Promise<unknown>): Promise<DiskStep[]>;
  /** Does `work`, in which git is killed (SIGKILL) as it is about to do `step`. @returns what `work` failed with */
  dieAt(step: DiskStep, work: () => Promise<unknown>): Promise<unknown>;
}

/** Writes to pipes and terminals kill nothing that lasts. */
function stepsIn(trace: string, command: number, directory: string): DiskStep[] {
  const counts = new Map<string, number>();
  const steps = new Map<string, DiskStep>();
  for (const line of trace.split('\n')) {
    const [, process = '', call = '', rest = ''] = /^(\d+)\s+(\w+)\((.*)$/.exec(line) ?? [];
    if (call === '') continue;
    const nth = (counts.get(`${process} ${call}`) ?? 0) + 1;
    counts.set(`${process} ${call}`, nth);
    const isFile = (call !== 'write' && call !== 'fsync') || rest.includes(`<${directory}`);
    if (isFile) steps.set(`${call} ${nth}`, { command, call, nth });
  }
  // A long file is written in many pieces; the first and the last of them tell.
  const pieces = [...steps.values()].filter(({ call }) => call === 'write').map(({ nth }) => nth);
  const [first, last] = [Math.min(...pieces), Math.max(...pieces)];
  return [...steps.values()].filter(({ call, nth }) => call !== 'write' || nth === first || nth === last);
}

/** git whose process dies at a certain step on the disk: strace's fault injection. */
export function killedGit(directory: string): KilledGit {
  const program = join(directory, 'git-that-dies');
  const trace = join(directory, 'trace');
  const strace = findProgram('strace') ?? 'strace';
  const recording = `-y -o ${trace}.$RECORD -e trace=${CALLS.join(',')}`;
  const killing = '-o /dev/null -e trace=$DIE_CALL -e inject=$DIE_CALL:signal=SIGKILL:when=$DIE_NTH';
  writeFileSync(
    program,
    `#!/bin/sh
[ -z "$RECORD" ] || exec ${strace} -f -qq ${recording} git "$@"
[ -z "$DIE_CALL" ] || exec ${strace} -f -qq ${killing} git "$@"
exec git "$@"
`,
  );
  chmodSync(program, 0o755);
  let commands = 0;
  let extra: (command: number) => Record<string, string> = () => ({});
  const environment = () => {
    commands += 1;
    return { ...GIT_ENV, ...extra(commands) } as Record<string, string>;
  };
  const git = createGit({ program, runner: createProcessRunner(), log: silentLog, environment, cwd: directory });
  const during = async (variables: typeof extra, work: () => Promise<unknown>): Promise<unknown> => {
    commands = 0;
    extra = variables;
    try {
      await work();
      return undefined;
    } catch (error) {
      return error;
    } finally {
      extra = () => ({});
    }
  };
  return {
    run: git.run,
    get started() {
      return git.started;
    },
    record: async (place, work) => {
      const failure = await during((command) => ({ RECORD: String(command) }), work);
      if (failure) throw failure;
      return Array.from({ length: commands }, (_, index) => index + 1).flatMap((command) => {
        const file = `${trace}.${command}`;
        const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
        rmSync(file, { force: true });
        return stepsIn(text, command, place);
      });
    },
    dieAt: async ({ command, call, nth }, work) =>
      await during((at) => (at === command ? { DIE_CALL: call, DIE_NTH: String(nth) } : {}), work),
  };
}
