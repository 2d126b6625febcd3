import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SyncConfig } from '../config/sync-config.ts';

type SurroundingsConfig = Pick<SyncConfig, 'mode' | 'gitConfig' | 'gitConfigAdd' | 'environment' | 'git'>;

/** Files outside the repository that can change how git writes a file (gitattributes; git-config, v3 only). */
function filesThatMatter({ mode, gitConfig, gitConfigAdd, environment }: SurroundingsConfig): string[] {
  const { HOME, XDG_CONFIG_HOME } = environment;
  const named = [...gitConfig, ...gitConfigAdd].filter(({ key }) => key.toLowerCase() === 'core.attributesfile');
  const files = named.map(({ value }) => value.replace(/^~(?=\/)/, HOME ?? '~'));
  if (XDG_CONFIG_HOME) files.push(join(XDG_CONFIG_HOME, 'git', 'attributes'));
  else if (HOME) files.push(join(HOME, '.config', 'git', 'attributes'));
  if (mode !== 'v4' && HOME) files.push(join(HOME, '.gitconfig'));
  return files;
}

/**
 * A digest of what could make git write the same blob differently, beside the commit: a worktree that was made in other
 * surroundings is not recycled. That is also what remains of an earlier boot of the machine: after a power cut files can
 * be empty that look untouched. The umask and the user are not part of it, because those show in the files themselves.
 *
 * @param boot see `readBootId`
 */
export async function digestSurroundings(config: SurroundingsConfig, boot: string): Promise<string> {
  const texts = await Promise.all(
    filesThatMatter(config).map(async (path) => await readFile(path, 'latin1').catch(() => null)),
  );
  const variables = Object.entries(config.environment).filter(([name]) => /^GIT_(?:CONFIG|ATTR)_/.test(name));
  const all = JSON.stringify([config.git, config.gitConfig, config.gitConfigAdd, variables.sort(), texts, boot]);
  return createHash('sha256').update(all).digest('hex').slice(0, 16);
}
