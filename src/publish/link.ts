import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { lstat, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import { inDirectory } from '../platform/below.ts';
import { removeFileBelow, renameBelow, symlinkBelow } from '../platform/files-below.ts';
import { openUserPlace, USER_WALK } from '../platform/user-place.ts';

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
export async function removeTemporaryLinks(root: string, link: string): Promise<void> {
  if (!(await lstat(dirname(link)).catch(() => undefined))) return;
  const place = await openUserPlace(root, link);
  const directory = { root: place.root, path: dirname(`${place.path}`) };
  await inDirectory(
    directory,
    (held) => {
      for (const name of readdirSync(held.itself)) {
        if (name === basename(link) || (name !== TEMPORARY && !/^tmp-link\.[0-9a-f]{16}$/.test(name))) continue;
        if (lstatSync(held.at(name), { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(held.at(name));
      }
    },
    { mounts: 'pass' },
  );
}

/**
 * Points `link` at `target` in one rename: a reader that follows the link sees the old tree or the new one, never none.
 * What the link pointed at before is not touched, wherever that was.
 *
 * @throws SidecarError ERR_PUBLISH_FAILED; ERR_PUBLISH_LINK_OCCUPIED when something that is no link is in its place
 */
export async function switchLink(root: string, link: string, target: string): Promise<void> {
  try {
    const place = await openUserPlace(root, link);
    const text = await linkText(link, target);
    await requireReplaceable(link);
    await symlinkBelow(place, text, TEMPORARY, USER_WALK);
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
export async function moveLinkPlaceAside(root: string, link: string, now: number): Promise<string | undefined> {
  if ((await readLink(link)).kind !== 'occupied') return undefined;
  const name = `${basename(link)}.before-git-sidecar-${now}`;
  const place = await openUserPlace(root, link);
  await renameBelow(place.root, place.path, join(dirname(`${place.path}`), name), { mounts: 'pass' });
  return join(dirname(link), name);
}

/** Removes a link; nothing there is fine. */
export async function removeLinkAt(root: string, link: string): Promise<void> {
  if ((await readLink(link)).kind === 'link')
    await removeFileBelow(await openUserPlace(root, link), { mounts: 'pass' });
}
