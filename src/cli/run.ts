import { EXIT, type Io } from '../app/outcome.ts';
import { renderExplanation } from '../config/explain.ts';
import { type LoadedRun, loadRun, loadRunConfig } from '../config/load-run.ts';
import { renderRunHelp } from '../config/render-run-help.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { SidecarError } from '../model/error.ts';
import { redactUrl } from '../platform/redact.ts';
import { VERSION } from '../platform/version.ts';
import { runProcess } from './run-process.ts';

const USAGE = 'usage: git-sidecar run [options] -- COMMAND [ARGUMENT…]; every option: git-sidecar run --help\n';

function refuse(error: SidecarError, notices: readonly string[], io: Io): number {
  const text = redactUrl(`${error.detail}\n${error.code}: ${error.hint}`);
  io.onError?.(text);
  for (const notice of notices) io.stderr(`WARNING: ${redactUrl(notice)}\n`);
  io.stderr(`${USAGE}\n${text}\n`);
  return error.is('usage') ? EXIT.usage : EXIT.failure;
}

/** The text of `--explain`: first what only run has, then what it has from sync. */
function explainRun({ own, sync, notices }: LoadedRun): string {
  const compat = { mode: 'v4', reason: 'run speaks v4' } as const;
  return `${renderExplanation({ compat, settings: own, notices: [] })}\n${renderExplanation({ compat, settings: sync, notices })}`;
}

/** `git-sidecar run`. Returns the exit status: that of the process, where it ended by itself. */
export async function runCommand(
  argv: readonly string[],
  env: EnvironmentVariables,
  cwd: string,
  io: Io,
): Promise<number> {
  let loaded: LoadedRun | undefined;
  try {
    loaded = loadRun(argv, env, cwd);
    if (loaded.sync.flag('help') || loaded.sync.flag('man')) {
      io.stdout(renderRunHelp());
      return EXIT.ok;
    }
    if (loaded.sync.flag('version')) {
      io.stdout(`${VERSION}\n`);
      return EXIT.ok;
    }
    if (loaded.sync.flag('explain')) {
      io.stdout(explainRun(loaded));
      return EXIT.ok;
    }
    io.writeLastErrorTo?.(loaded.sync.text('termination-log'));
    return await runProcess(loadRunConfig(loaded, env), loaded.notices, io);
  } catch (error) {
    if (error instanceof SidecarError) return refuse(error, loaded?.notices ?? [], io);
    throw error;
  }
}
