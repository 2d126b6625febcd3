import { join } from 'node:path';
import type { BreathOptions } from '../../src/into/breath.ts';
import { IntoDirectory, type IntoOptions, type IntoSource } from '../../src/into/into-directory.ts';
import { RevisionFile } from '../../src/into/revision-file.ts';
import { type Oid, parseOid } from '../../src/model/oid.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog } from '../kit/silent-log.ts';

export function work(): BreathOptions {
  return { signal: new AbortController().signal, onProgress: () => undefined };
}

/** Which files differ from another commit is not known unless `difference` says it. */
export function intoSourceAt(
  tree: string,
  oid: string,
  difference: IntoSource['difference'] = async () => {
    throw new Error('not known');
  },
): IntoSource {
  return { directory: tree, oid: parseOid(oid) as Oid, shape: 'plain', difference };
}

export function openIntoDirectory(directory: string, root: string, options: Partial<IntoOptions> = {}): IntoDirectory {
  return new IntoDirectory({
    directory,
    root,
    records: join(root, '.git-sidecar'),
    boot: 'this boot',
    revisionFile: new RevisionFile(directory, '.revision'),
    moveAside: true,
    clock: systemClock,
    log: silentLog,
    ...options,
  });
}
