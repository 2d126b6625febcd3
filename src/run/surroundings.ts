import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RunConfig } from '../config/run-config.ts';
import { SidecarError } from '../model/error.ts';
import { findProgram } from '../platform/find-program.ts';
import { readPublished } from './follow-link.ts';

async function checkCommand({ command, environment }: RunConfig): Promise<void> {
  if (!command) return;
  const [program] = command;
  const isElsewhere = !program.includes('/') || program.startsWith('/');
  if (!isElsewhere || (await findProgram(program, environment.PATH))) return;
  const detail = program.includes('/') ? 'it is no executable file' : 'it is in no directory of PATH';
  throw new SidecarError('ERR_RUN_COMMAND', { op: 'start', target: program, detail });
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
 * @throws SidecarError ERR_RUN_*
 */
export async function checkSurroundings(config: RunConfig, publishesHere: boolean): Promise<void> {
  await checkCommand(config);
  if (!publishesHere) await checkLink(config.link);
  if (config.place.kind === 'into') await checkInto(config.place.directory);
}
