import { lstat, mkdir, readdir, readlink, realpath, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import { temporaryName } from '../platform/atomic-file.ts';

/** What is at the place of the link now. */
export type LinkState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'link'; readonly text: string; readonly target: string }
  | { readonly kind: 'occupied'; readonly by: 'file' | 'directory' };

export async function readLink(link: string): Promise<LinkState> {
  const stat = await lstat(link).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!stat) return { kind: 'absent' };
  if (!stat.isSymbolicLink()) return { kind: 'occupied', by: stat.isDirectory() ? 'directory' : 'file' };
  const text = await readlink(link);
  const directory = await realpath(dirname(link)).catch(() => dirname(link));
  return { kind: 'link', text, target: resolve(directory, text) };
}

/** The text of a link at `link` to `target`: relative, and right even where a parent directory is itself a symlink. */
export async function linkText(link: string, target: string): Promise<string> {
  return relative(await realpath(dirname(link)), await realpath(target));
}

/** Prefix of the link we rename into place; git-sync uses exactly this name, so leftovers of both are recognised. */
const TEMPORARY = 'tmp-link';

/** Removes temporary links that a killed process left beside the link; only symlinks, only these names. */
export async function removeTemporaryLinks(link: string): Promise<void> {
  const directory = dirname(link);
  for (const name of await readdir(directory).catch(() => [] as string[])) {
    if (name !== TEMPORARY && !/^tmp-link\.[0-9a-f]{16}$/.test(name)) continue;
    const path = join(directory, name);
    if (path !== link && (await lstat(path).catch(() => undefined))?.isSymbolicLink()) await rm(path, { force: true });
  }
}

/**
 * Points `link` at `target` in one rename: whoever follows the link sees the old tree or the new one, never neither.
 * What the link pointed at before is not touched, wherever that was.
 *
 * @throws SidecarError ERR_PUBLISH_FAILED; ERR_PUBLISH_LINK_OCCUPIED when something that is no link is in its place
 */
export async function switchLink(link: string, target: string): Promise<void> {
  try {
    await mkdir(dirname(link), { recursive: true });
    const text = await linkText(link, target);
    await requireReplaceable(link);
    const temporary = temporaryName(dirname(link), TEMPORARY);
    await symlink(text, temporary);
    await rename(temporary, link).catch(async (error: unknown) => {
      await rm(temporary, { force: true });
      throw error;
    });
  } catch (error) {
    if (error instanceof SidecarError) throw error;
    throw new SidecarError('ERR_PUBLISH_FAILED', {
      op: 'switch the link',
      target: link,
      detail: messageOf(error),
      cause: error,
    });
  }
}

/** @throws SidecarError ERR_PUBLISH_LINK_OCCUPIED */
export async function requireReplaceable(link: string): Promise<void> {
  const state = await readLink(link);
  if (state.kind !== 'occupied') return;
  throw new SidecarError('ERR_PUBLISH_LINK_OCCUPIED', {
    op: 'switch the link',
    target: link,
    detail: `a ${state.by} that is no link is in its place`,
  });
}

/** `--move-aside`: renames what is in the place of the link. Returns its new name, or undefined when nothing was there. */
export async function moveLinkPlaceAside(link: string, now: number): Promise<string | undefined> {
  if ((await readLink(link)).kind !== 'occupied') return undefined;
  const aside = join(dirname(link), `${basename(link)}.before-git-sidecar-${now}`);
  await rename(link, aside);
  return aside;
}
