import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';
import type { ObjectFormat } from '../model/oid.ts';
import { writeBelow } from '../platform/files-below.ts';
import { promisorUrl } from './promisor-url.ts';

export interface ConfiguredRepository {
  readonly git: Git;
  readonly root: string;
  /** Inside the root. */
  readonly gitDir: string;
}

async function readConfig({ gitDir }: Pick<ConfiguredRepository, 'gitDir'>): Promise<string> {
  return await readFile(join(gitDir, 'config'), 'utf8').catch(() => '');
}

export async function objectFormatOf(repository: Pick<ConfiguredRepository, 'gitDir'>): Promise<ObjectFormat> {
  return /objectformat\s*=\s*"?sha256/i.test(await readConfig(repository)) ? 'sha256' : 'sha1';
}

/** compat.md 2: the remote is called origin and its URL is kept right; relative submodule URLs build on it. */
export async function setRemote(repository: ConfiguredRepository, url: string, signal: AbortSignal): Promise<void> {
  const { git, root, gitDir } = repository;
  const before = await readConfig(repository);
  if (!/\[remote "origin"\]/.test(before)) {
    const quoted = url.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
    await writeBelow({ root, path: join(gitDir, 'config') }, `${before}[remote "origin"]\n\turl = "${quoted}"\n`);
    return;
  }
  const args = ['--git-dir', gitDir, 'config', '--replace-all', 'remote.origin.url', url];
  await git.run(args, { op: 'set the remote of', target: gitDir, signal });
}

/**
 * With `--filter` git records that the URL it fetched from will give out what is missing. The repository that was
 * followed before does not have what is missing now.
 */
export async function forgetPromises(
  repository: ConfiguredRepository,
  urls: readonly (string | undefined)[],
  signal: AbortSignal,
): Promise<void> {
  const { git, gitDir } = repository;
  const config = await readConfig(repository);
  for (const url of new Set(urls.flatMap((each) => (each === undefined ? [] : [each, promisorUrl(each)])))) {
    if (!config.includes(`[remote "${url}"]`)) continue;
    const args = ['--git-dir', gitDir, 'config', '--remove-section', `remote.${url}`];
    await git.run(args, { op: 'set the remote of', target: gitDir, signal, accept: [1, 5, 128] });
  }
}
