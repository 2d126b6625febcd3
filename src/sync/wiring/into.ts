import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type OwnPlaces, whyNotInto } from '../../config/into.ts';
import type { IntoConfig } from '../../config/sync-config.ts';
import { IntoDirectory } from '../../into/into-directory.ts';
import { RevisionFile } from '../../into/revision-file.ts';
import { messageOf, SidecarError } from '../../model/error.ts';
import { readBootId } from '../../platform/boot-id.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Flush } from '../../platform/flush.ts';
import type { Logger } from '../../platform/log.ts';
import { asideDirectory } from '../../platform/make-way.ts';
import { prepareRoot } from '../../platform/root.ts';

export interface IntoWiring {
  readonly into: IntoConfig;
  /** The path of the root is the real one. */
  readonly places: OwnPlaces;
  readonly moveAside: boolean;
  readonly flush: Flush | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Opens the directory of `--into`; it is made when it is missing.
 * @throws SidecarError ERR_INTO_UNUSABLE also when symlinks lead it into the root, or the root into it
 */
export async function openInto({ into, places, moveAside, flush, clock, log }: IntoWiring): Promise<IntoDirectory> {
  const unusable = (detail: string, cause?: unknown): SidecarError =>
    new SidecarError('ERR_INTO_UNUSABLE', { op: 'bring revisions into', target: into.directory, detail, cause });
  const directory = await prepareRoot(into.directory, 0o777, '--into').catch((error: unknown) => {
    throw unusable(error instanceof SidecarError ? error.detail : messageOf(error), error);
  });
  const { root, link } = places;
  const above = await realpath(dirname(link)).catch(() => dirname(link));
  const reason = whyNotInto(directory, { ...places, link: join(above, basename(link)) });
  if (reason !== undefined) throw unusable(reason);
  return new IntoDirectory({
    directory,
    root,
    records: asideDirectory(root),
    boot: await readBootId(),
    revisionFile: into.revisionFile === undefined ? undefined : new RevisionFile(directory, into.revisionFile),
    moveAside,
    flush,
    clock,
    log,
  });
}
