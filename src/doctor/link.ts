import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SyncConfig } from '../config/sync-config.ts';
import { layoutOfLink } from '../fetch/layout.ts';
import { systemCode } from '../model/error.ts';
import { readLink } from '../publish/link.ts';
import type { Check, Examination } from './examination.ts';
import { ok, type Verdict, wrong } from './finding.ts';

async function whyUnwritable(link: string): Promise<Verdict | undefined> {
  let directory = dirname(link);
  for (;;) {
    try {
      const found = await stat(directory);
      if (!found.isDirectory()) return wrong(`${directory} is no directory`, 'choose another `--link`');
      await access(directory, constants.W_OK | constants.X_OK);
      return undefined;
    } catch (error) {
      if (systemCode(error) === 'ENOENT' && dirname(directory) !== directory) {
        directory = dirname(directory);
        continue;
      }
      return wrong(
        `its directory ${directory} may not be written (${systemCode(error)})`,
        `\`chown ${process.getuid?.()} ${directory}\`, or choose another \`--link\``,
      );
    }
  }
}

async function judge({ link, moveAside }: SyncConfig): Promise<Verdict> {
  const state = await readLink(link);
  if (state.kind === 'occupied' && !moveAside)
    return wrong(
      `a ${state.by} is in its place`,
      'choose another `--link`, or pass `--move-aside` to rename what is there',
    );
  const unwritable = await whyUnwritable(link);
  if (unwritable) return unwritable;
  if (state.kind === 'occupied') return ok(`a ${state.by} is in its place, and is renamed`);
  if (state.kind === 'absent') return ok('nothing is there yet');
  return ok(
    layoutOfLink(link) === undefined ? `a link to ${state.text} is there, and is replaced` : `it shows ${state.text}`,
  );
}

/** Whether the link can be put where it should go, and what is there. */
export function checkLink(examination: Examination, config: SyncConfig, root: Check): Check {
  return examination.check({ name: 'link', target: config.link, after: [root], look: async () => await judge(config) });
}
