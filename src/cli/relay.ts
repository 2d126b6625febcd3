import { EXIT, type Io } from '../app/outcome.ts';
import { renderExplanation } from '../config/explain.ts';
import type { LoadedCommand } from '../config/load-command.ts';
import { loadRelay, loadRelayConfig } from '../config/load-relay.ts';
import { renderRelayHelp } from '../config/render-relay-help.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { SidecarError } from '../model/error.ts';
import { redactUrl } from '../platform/redact.ts';
import { VERSION } from '../platform/version.ts';
import { runRelayProcess } from './relay-process.ts';

const USAGE =
  'usage: git-sidecar relay --root=DIR --http-bind=ADDR --allow=PATTERN [options]; every option: git-sidecar relay --help\n';

function refuse(error: SidecarError, notices: readonly string[], io: Io): number {
  const text = redactUrl(`${error.detail}\n${error.code}: ${error.hint}`);
  io.onError?.(text);
  for (const notice of notices) io.stderr(`WARNING: ${redactUrl(notice)}\n`);
  io.stderr(`${USAGE}\n${text}\n`);
  return error.is('usage') ? EXIT.usage : EXIT.failure;
}

function explainRelay({ own, sync, notices }: LoadedCommand): string {
  const compat = { mode: 'v4', reason: 'relay speaks v4' } as const;
  return `${renderExplanation({ compat, settings: own, notices: [] })}\n${renderExplanation({ compat, settings: sync, notices })}`;
}

/** `git-sidecar relay`. Returns the exit status. */
export async function relayCommand(argv: readonly string[], env: EnvironmentVariables, io: Io): Promise<number> {
  let loaded: LoadedCommand | undefined;
  try {
    loaded = loadRelay(argv, env);
    io.writeLastErrorTo?.(loaded.sync.text('termination-log'));
    const text = loaded.sync.flag('help')
      ? renderRelayHelp()
      : loaded.sync.flag('version')
        ? VERSION
        : loaded.sync.flag('explain')
          ? explainRelay(loaded)
          : undefined;
    if (text === undefined) return await runRelayProcess(loadRelayConfig(loaded, env), loaded.notices, io);
    io.stdout(`${text.trimEnd()}\n`);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof SidecarError) return refuse(error, loaded?.notices ?? [], io);
    throw error;
  }
}
