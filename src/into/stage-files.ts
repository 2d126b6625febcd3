import { mkdirSync, rmdirSync } from 'node:fs';
import { systemCode } from '../model/error.ts';
import { type BytePath, nameOf, systemPath } from '../platform/byte-path.ts';
import { showPath } from '../platform/show-path.ts';
import type { Breath } from './breath.ts';
import { copyToName, type Entry, removeEntry } from './entry-copy.ts';
import type { Journal } from './journal.ts';
import type { OpenPath } from './open-path.ts';

const DIRECTORY_MODE = 0o777;

/** The place of an entry, which need not be there. @throws Error when there is no way to it */
export function placeOf(target: OpenPath, path: BytePath): Entry {
  const way = target.to(path);
  if (way.kind === 'open') return { parent: way.directory, name: systemPath(nameOf(path)) };
  throw Object.assign(new Error(`the way to ${showPath(path)} is ${way.kind}`), {
    code: way.kind === 'missing' ? 'ENOENT' : 'ENOTDIR',
  });
}

/** Makes a directory whose parent is there; one that is there is fine. */
function makeDirectory(target: OpenPath, path: BytePath): void {
  const { parent, name } = placeOf(target, path);
  try {
    mkdirSync(parent.at(name), { mode: DIRECTORY_MODE });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  target.forget();
}

/** Makes all new files under temporary names. Nothing that is there changes: this needs the room, and what follows none. */
export async function stageFiles(journal: Journal, target: OpenPath, source: OpenPath, breath: Breath): Promise<void> {
  for (const path of journal.prepare) {
    makeDirectory(target, path);
    await breath.take();
  }
  for (const { path, temporary, mode, make } of journal.placements) {
    for (const directory of make) makeDirectory(target, directory.temporary);
    const to = placeOf(target, temporary);
    await copyToName(placeOf(source, path), to.parent.at(to.name), { mode });
    await breath.take();
  }
}

/** Removes what {@link stageFiles} made and what has not found its place yet. */
export function removeStaged({ placements }: Journal, target: OpenPath): void {
  target.forget();
  for (const { temporary, make } of placements) {
    const entry = target.entry(temporary);
    if (entry) removeEntry(entry);
    for (const directory of make) removeIfEmpty(target, directory.temporary);
  }
}

/** Takes back {@link stageFiles}, as far as it came. */
export function unstageFiles(journal: Journal, target: OpenPath): void {
  removeStaged(journal, target);
  for (const path of [...journal.prepare].reverse()) removeIfEmpty(target, path);
}

/** @returns false when the directory has to stay: something is in it, or it is in use */
export function removeIfEmpty(target: OpenPath, path: BytePath): boolean {
  target.forget();
  const entry = target.entry(path);
  if (!entry) return true;
  try {
    rmdirSync(entry.parent.at(entry.name));
    return true;
  } catch (error) {
    // What is there by now is no directory of ours.
    return systemCode(error) === 'ENOTDIR';
  }
}
