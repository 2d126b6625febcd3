import { isAbsolute, join } from 'node:path';
import { EXIT, type Io } from '../app/outcome.ts';
import { renderExplanation } from '../config/explain.ts';
import { hintFor } from '../config/hint-words.ts';
import { chooseCompat, type LoadedSettings, loadSettings, loadSyncConfig } from '../config/load.ts';
import type { CompatMode } from '../config/option.ts';
import { renderHelp } from '../config/render-help.ts';
import { renderManual } from '../config/render-man.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { unknownVariableNotices } from '../config/unknown-variables.ts';
import { InvalidOption } from '../config/validation.ts';
import { layoutOfLink } from '../fetch/layout.ts';
import { isOfKind, SidecarError } from '../model/error.ts';
import { ErrorFile } from '../notify/files.ts';
import { redactUrl } from '../platform/redact.ts';
import { VERSION } from '../platform/version.ts';
import { runSyncProcess } from './sync-process.ts';

function describe(error: SidecarError, hint = error.hint): string {
  return redactUrl(`${error.detail}\n${error.code}: ${hint}\n`);
}

/** A misspelt variable is often the very reason why the start ends here, so it is named before the reason. */
function warn(notices: readonly string[], io: Io): void {
  for (const notice of notices) io.stderr(`WARNING: ${redactUrl(notice)}\n`);
}

/** The mode to word a usage text in, when the command line itself may be unreadable. */
function modeFor(argv: readonly string[], env: EnvironmentVariables): CompatMode {
  try {
    return chooseCompat(argv, env).mode;
  } catch {
    return 'v4';
  }
}

/** A command line that cannot be parsed: exit 2; v4 says why on both streams (compat.md 1.1). */
function refuseUsage(
  error: SidecarError,
  mode: CompatMode,
  notices: readonly string[],
  program: string,
  io: Io,
): number {
  const text = describe(error);
  io.onError?.(text);
  warn(notices, io);
  if (!error.is('usage')) {
    io.stderr(text);
    return EXIT.failure;
  }
  io.stderr(`usage: ${program} --repo=URL --root=DIR [options]; every option: ${program} --help\n\n${text}`);
  if (mode === 'v4') io.stdout(text);
  return EXIT.usage;
}

/** An option value that is not allowed: exit 1, and into the error file as plain text (compat.md 1.4). */
async function refuseValue(error: SidecarError, loaded: LoadedSettings, program: string, io: Io): Promise<number> {
  const usage = error instanceof InvalidOption && error.printsUsage;
  const { settings } = loaded;
  const text = describe(error, hintFor(error, settings));
  io.onError?.(text);
  warn(loaded.notices, io);
  io.stderr(
    `${usage ? `usage: ${program} --repo=URL --root=DIR [options]; every option: ${program} --help\n\n` : ''}ERROR: ${text}`,
  );
  const [root, path] = [settings.text('root'), settings.text('error-file')];
  if (path === '' || (root === '' && !isAbsolute(path))) return EXIT.failure;
  await new ErrorFile(root, isAbsolute(path) ? path : join(root, path)).writeText(text).catch(() => {
    io.stderr(`cannot write the error file ${path}\n`);
  });
  return EXIT.failure;
}

function printed(loaded: LoadedSettings, program: string, io: Io): boolean {
  const { settings } = loaded;
  const toStdout = settings.mode === 'v4';
  if (settings.flag('help')) (toStdout ? io.stdout : io.stderr)(renderHelp(settings.mode, program));
  else if (settings.flag('version')) io.stdout(`${VERSION}\n`);
  else if (settings.flag('man')) io.stdout(renderManual(settings.mode, program));
  else if (settings.flag('explain')) io.stdout(renderExplanation(loaded));
  else return false;
  return true;
}

/** `git-sidecar sync` and `git-sync`. Returns the exit status. */
export async function syncCommand(
  argv: readonly string[],
  env: EnvironmentVariables,
  program: string,
  io: Io,
): Promise<number> {
  let loaded: LoadedSettings;
  try {
    loaded = loadSettings(argv, env, layoutOfLink);
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    const mode = modeFor(argv, env);
    return refuseUsage(error, mode, unknownVariableNotices(env, mode), program, io);
  }
  const { settings, notices, compat } = loaded;
  io.writeLastErrorTo?.(settings.text('termination-log'));
  if (printed(loaded, program, io)) return EXIT.ok;
  try {
    const config = loadSyncConfig(loaded, env);
    const hintOf = (error: SidecarError): string => hintFor(error, settings);
    return await runSyncProcess({ config, notices, compatReason: compat.reason, hintOf, io });
  } catch (error) {
    if (isOfKind(error, 'usage')) return refuseUsage(error, settings.mode, notices, program, io);
    if (error instanceof SidecarError) return await refuseValue(error, loaded, program, io);
    throw error;
  }
}
