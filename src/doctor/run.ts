import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RunConfig } from '../config/run-config.ts';
import { readLink } from '../publish/link.ts';
import type { Examination } from './examination.ts';
import { none, ok, type Verdict, wrong } from './finding.ts';
import { judgeProgram } from './hooks.ts';
import { checkPort } from './port.ts';
import { checkRoot } from './root.ts';

async function judgeFollowed(link: string): Promise<Verdict> {
  const state = await readLink(link);
  if (state.kind === 'occupied')
    return wrong(`it is a ${state.by}, and no link that a sync publishes`, 'give the link itself with `--link`');
  if (state.kind === 'link') {
    const isThere = await stat(link).then(
      () => true,
      () => false,
    );
    if (isThere) return ok(`it shows ${state.text}`);
    return wrong(
      `it shows ${state.text}, which is not there`,
      'mount the whole volume of the root at the same place as in the container of the sync',
    );
  }
  const directory = await stat(dirname(link)).catch(() => undefined);
  return directory?.isDirectory()
    ? ok('nothing is there yet; run waits for it')
    : wrong(`there is no directory ${dirname(link)}`, 'mount the volume of the sync there, or correct `--link`');
}

/** What a run needs beside its sync. @param from another unit publishes the link */
export function examineRun(
  examination: Examination,
  config: RunConfig,
  signal: AbortSignal,
  from: string | undefined,
): void {
  const { command, link, listen, place, stateDir, sync, environment } = config;
  const isFollowed = sync === undefined && from === undefined;
  if (isFollowed) examination.check({ name: 'link', target: link, look: async () => await judgeFollowed(link) });
  examination.check({
    name: 'command',
    target: command?.[0] ?? 'command',
    look: async () =>
      command ? await judgeProgram(command[0], environment) : none('none is run: the directory is a mirror'),
  });
  const shared = { holdsRepository: false, moveAside: false };
  if (place.kind === 'into') checkRoot(examination, { ...shared, root: place.directory, option: '--into' }, signal);
  if (stateDir !== undefined) checkRoot(examination, { ...shared, root: stateDir, option: '--state' }, signal);
  checkPort(examination, '--listen', listen);
}
