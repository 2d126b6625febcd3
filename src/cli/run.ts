import { buildRunConfig } from '../config/build-run-config.ts';
import type { Call } from './perform.ts';
import { runProcess } from './run-process.ts';

/** `git-sidecar run`. Returns the exit status: that of the process, where it ended by itself. */
export async function startRun({ loaded, env, cwd, io }: Call): Promise<number> {
  return await runProcess(buildRunConfig(loaded, env, cwd), loaded.notices, io);
}
