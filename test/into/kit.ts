import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
    flush: undefined,
    clock: systemClock,
    log: silentLog,
    ...options,
  });
}

export type Files = Readonly<Record<string, string | { readonly link: string } | { readonly exec: string }>>;

/** Adds files to a directory, which is made when it is missing. */
export function writeTree(directory: string, files: Files): string {
  for (const [path, content] of Object.entries(files)) {
    const full = join(directory, path);
    mkdirSync(dirname(full), { recursive: true });
    if (typeof content === 'string') writeFileSync(full, content);
    else if ('link' in content) symlinkSync(content.link, full);
    else {
      writeFileSync(full, content.exec);
      chmodSync(full, 0o755);
    }
  }
  return directory;
}

/** A directory that holds these files and nothing else. */
export function writeAnew(directory: string, files: Files): string {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  return writeTree(directory, files);
}
