import { resolve } from 'node:path';
import { EXIT, type Io } from '../app/outcome.ts';
import { loadRun } from '../config/load-run.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { SidecarError } from '../model/error.ts';
import { orderRollback } from '../run/control-socket.ts';

const USAGE = `usage: git-sidecar rollback --state=DIR [COMMIT]

Sends the run that keeps its state in DIR back to the release before, or to that of COMMIT, and leaves
the present revision out until a newer one is published. The line "starting up" of run names DIR.
`;

/** `git-sidecar rollback`. */
export async function rollbackCommand(
  argv: readonly string[],
  env: EnvironmentVariables,
  cwd: string,
  io: Io,
): Promise<number> {
  try {
    const { own, sync, words } = loadRun(argv, env, cwd);
    const [commit, ...more] = words;
    const state = own.text('state');
    if (sync.flag('help')) {
      io.stdout(USAGE);
      return EXIT.ok;
    }
    if (state === '' || more.length > 0) {
      io.stderr(USAGE);
      return EXIT.usage;
    }
    const id = await orderRollback(resolve(cwd, state), commit);
    io.stdout(`${id} runs now\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    io.stderr(`${error.detail}\n${error.code}: ${error.hint}\n`);
    return error.is('usage') ? EXIT.usage : EXIT.failure;
  }
}
