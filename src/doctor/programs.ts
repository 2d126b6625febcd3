import { findProgram } from '../platform/find-program.ts';
import type { Environment } from '../platform/process/runner.ts';
import type { Check, Examination } from './examination.ts';
import { none, ok, wrong } from './finding.ts';
import type { Parts } from './parts.ts';

interface Program {
  readonly check: string;
  readonly program: string;
  /** false: the set-up does not use it. */
  readonly isUsed: boolean;
  readonly args: readonly string[];
  readonly mend: string;
}

/**
 * The programs whose versions are shown. `git clone --filter` and protocol v2 as we use them need git 2.25 at least.
 * What verifies signatures gets a row of its own here.
 */
export function programsOf({ git, lfs }: { readonly git: string; readonly lfs: boolean }): readonly Program[] {
  return [
    {
      check: 'git',
      program: git,
      isUsed: true,
      args: ['--version'],
      mend: 'install git, or name it with `--git=/path/to/git`',
    },
    {
      check: 'git-lfs',
      program: 'git-lfs',
      isUsed: lfs,
      args: ['version'],
      mend: 'install git-lfs, or leave `--lfs` out',
    },
  ];
}

/** Whether a program is there and starts, and which version it is. */
export function checkProgram(
  examination: Examination,
  { check, program, isUsed, args, mend }: Program,
  env: Environment,
  { runner }: Parts,
): Check {
  return examination.check({
    name: check,
    target: program,
    mend,
    look: async (signal) => {
      if (!isUsed) return none('it is not used');
      const found = await findProgram(program, env.PATH);
      if (found === undefined)
        return wrong(program.includes('/') ? 'it is not an executable file' : 'it is in no directory of PATH', mend);
      const { code, stdout, stderr } = await runner.run({ file: found, args, env, signal });
      signal.throwIfAborted();
      const [line = ''] = (stdout.toString() || stderr).trim().split('\n');
      return code === 0 ? ok(`${line} (${found})`) : wrong(`it ends with status ${code}: ${line}`, mend);
    },
  });
}
