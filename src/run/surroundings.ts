import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RunConfig } from '../config/run-config.ts';
import { SidecarError } from '../model/error.ts';
import { findProgram } from '../platform/find-program.ts';
import { readPublished } from './follow-link.ts';
import { SHELL } from './shell-line.ts';

async function checkCommand({ command, environment }: RunConfig): Promise<void> {
  if (!command) return;
  const [program] = command;
  const isElsewhere = !program.includes('/') || program.startsWith('/');
  if (!isElsewhere || (await findProgram(program, environment.PATH))) return;
  const detail = program.includes('/') ? 'it is no executable file' : 'it is in no directory of PATH';
  throw new SidecarError('ERR_RUN_COMMAND', { op: 'start', target: program, detail });
}

/** The options whose values are shell lines, of those that are given. */
function shellOptions({ build, readyChecks, reload, rollbackExec }: RunConfig): readonly string[] {
  return [
    ...(build ? ['--build'] : []),
    ...(readyChecks.some(({ kind }) => kind === 'exec') ? ['--ready-exec'] : []),
    ...(reload?.kind === 'exec' ? ['--reload-exec'] : []),
    ...(rollbackExec === undefined ? [] : ['--rollback-exec']),
  ];
}

async function checkShell(config: RunConfig, shell: string): Promise<void> {
  const options = shellOptions(config);
  if (options.length === 0 || (await findProgram(shell, undefined))) return;
  throw new SidecarError('ERR_RUN_COMMAND', {
    op: 'start',
    target: shell,
    detail: `it is missing here, and runs the line of ${options.join(' and ')}`,
    hint: 'Use an image with a shell, or leave out the options with shell lines: --ready-http, --ready-tcp and --reload-signal need none.',
  });
}

async function checkLink(link: string): Promise<void> {
  const directory = await stat(dirname(link)).catch(() => undefined);
  if (!directory?.isDirectory())
    throw new SidecarError('ERR_RUN_LINK', { op: 'follow', target: link, detail: 'its directory does not exist' });
  await readPublished(link);
}

async function checkInto(directory: string): Promise<void> {
  const into = await stat(directory).catch(() => undefined);
  const writable = await access(directory, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (into?.isDirectory() && writable) return;
  const detail = into ? 'it cannot be written' : 'it does not exist';
  throw new SidecarError('ERR_RUN_STATE', { op: 'mirror into', target: directory, detail });
}

/**
 * Refuses at once what could never work.
 * @param publishesHere a sync of this process makes the link
 * @param shell that runs shell lines
 * @throws SidecarError ERR_RUN_*
 */
export async function checkSurroundings(config: RunConfig, publishesHere: boolean, shell = SHELL): Promise<void> {
  await checkCommand(config);
  await checkShell(config, shell);
  if (!publishesHere) await checkLink(config.link);
  if (config.place.kind === 'into') await checkInto(config.place.directory);
}
