import { EXIT, type Io } from '../app/outcome.ts';
import { commandText } from '../config/command.ts';
import { renderExplanation } from '../config/explain.ts';
import { hintFor } from '../config/hint-words.ts';
import { chooseCompat, type Loaded, load } from '../config/load.ts';
import type { CommandName, CompatMode } from '../config/option.ts';
import { renderHelp, usageLines } from '../config/render-help.ts';
import { renderManual } from '../config/render-man.ts';
import { errorFileOf, questionOf, refuseStray, terminationLogOf } from '../config/requests.ts';
import type { EnvironmentVariables, Settings } from '../config/settings.ts';
import { unknownVariableNotices } from '../config/unknown-variables.ts';
import { InvalidOption } from '../config/validation.ts';
import { layoutOfLink } from '../fetch/layout.ts';
import { SidecarError } from '../model/error.ts';
import { ErrorFile } from '../notify/files.ts';
import { redactUrl } from '../platform/redact.ts';
import { VERSION } from '../platform/version.ts';

/** What a command is given. */
export interface Surroundings {
  readonly env: EnvironmentVariables;
  /** What relative paths start from. */
  readonly cwd: string;
  readonly io: Io;
}

export interface Call extends Surroundings {
  readonly loaded: Loaded;
  /** What the command passes on to another one; see {@link Command.split}. */
  readonly rest: readonly string[];
}

export interface Command {
  readonly name: CommandName;
  /** How many arguments that are no options it takes; default: none. */
  readonly words?: number;
  /** Which words of a command line are its own, where it takes those of another command too. */
  readonly split?: (argv: readonly string[]) => { readonly own: readonly string[]; readonly rest: readonly string[] };
  /** What `--explain` prints; default: the options and where their values come from. */
  readonly explain?: (call: Call) => Promise<string>;
  /** @returns the exit status @throws SidecarError for what has to be refused at the start */
  readonly start: (call: Call) => Promise<number>;
}

/** The answer to a question about the command itself. */
async function answer({ name, explain }: Command, call: Call, program: string): Promise<string | undefined> {
  const { loaded } = call;
  const { mode } = loaded.compat;
  switch (questionOf(loaded.settings)) {
    case 'help':
      return renderHelp(mode, program, name);
    case 'version':
      return `${VERSION}\n`;
    case 'man':
      return renderManual(mode, program, name);
    case 'explain':
      return (await explain?.(call)) ?? renderExplanation(loaded);
    default:
      return undefined;
  }
}

/** The mode whose option names a refusal uses, when the command line itself may be unreadable. */
function modeFor(name: CommandName, argv: readonly string[], env: EnvironmentVariables): CompatMode {
  try {
    return name === 'sync' ? chooseCompat(argv, env).mode : 'v4';
  } catch {
    return 'v4';
  }
}

/** compat.md 1.4: a refusal goes into the error file as plain text. */
async function writeErrorFile(settings: Settings, text: string, io: Io): Promise<void> {
  const file = errorFileOf(settings);
  await (file && new ErrorFile(file.root, file.path).writeText(text))?.catch(() => {
    io.stderr(`cannot write the error file ${file?.path}\n`);
  });
}

interface Refusal extends Surroundings {
  readonly name: CommandName;
  readonly argv: readonly string[];
  readonly program: string;
  readonly loaded: Loaded | undefined;
}

/**
 * A command line that cannot be read: exit 2; `sync` in v4 mode says why on both streams (compat.md 1.1). A value that is
 * not allowed: exit 1 (compat.md 1.4). A misspelled variable is often the very reason, so it is named before.
 */
async function refuse(error: SidecarError, { name, argv, program, loaded, env, io }: Refusal): Promise<number> {
  const isUsage = error.is('usage');
  const mode = loaded?.compat.mode ?? modeFor(name, argv, env);
  const hint = loaded ? hintFor(error, loaded.settings) : error.hint;
  const text = redactUrl(`${error.detail}\n${error.code}: ${hint}\n`);
  io.onError?.(text);
  for (const notice of loaded?.notices ?? unknownVariableNotices(name, env, mode))
    io.stderr(`WARNING: ${redactUrl(notice)}\n`);
  if (isUsage || (error instanceof InvalidOption && error.printsUsage))
    io.stderr(`${usageLines(commandText(name), program)}\nevery option: ${program} --help\n\n`);
  io.stderr(`${loaded && !isUsage ? 'ERROR: ' : ''}${text}`);
  if (isUsage && name === 'sync' && mode === 'v4') io.stdout(text);
  if (isUsage) return EXIT.usage;
  if (loaded) await writeErrorFile(loaded.settings, text, io);
  return error.facts.exit ?? EXIT.failure;
}

/**
 * From a command line to an exit status: what every command does before it starts, and when it cannot.
 * @param program as the user calls the command, such as `git-sidecar run`
 */
export async function perform(
  command: Command,
  argv: readonly string[],
  program: string,
  surroundings: Surroundings,
): Promise<number> {
  const { name } = command;
  const { env, io } = surroundings;
  io.writeLastErrorTo?.(terminationLogOf(name, env));
  let loaded: Loaded | undefined;
  try {
    const { own, rest } = command.split?.(argv) ?? { own: argv, rest: [] };
    loaded = load(name, own, env, layoutOfLink);
    io.writeLastErrorTo?.(terminationLogOf(name, env, loaded.settings));
    const text = await answer(command, { loaded, rest, ...surroundings }, program);
    if (text !== undefined) {
      const isV3Help = loaded.compat.mode !== 'v4' && questionOf(loaded.settings) === 'help';
      (isV3Help ? io.stderr : io.stdout)(text);
      return EXIT.ok;
    }
    refuseStray(name, loaded, command.words);
    return await command.start({ loaded, rest, ...surroundings });
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    return await refuse(error, { name, argv, program, loaded, ...surroundings });
  }
}
