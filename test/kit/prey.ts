import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const OID = 'a'.repeat(40);

/** Names that somebody's files may have and that a careless clean-up would take for ours or git's. */
const NAMES = [
  'precious',
  'package.lock',
  'packed-refs.lock',
  'packed-refs.new',
  'tmp_report.txt',
  'tmp_obj_abcdef',
  '.tmp-1234-pack-x.pack',
  'incoming-x',
  'b'.repeat(38),
  'shallow',
  'gc.log',
  'running',
  'spare/data',
  'rebuilt/data',
  'sub/yarn.lock',
  `${OID}/data`,
  `rev-${OID}/data`,
];

/** Somebody's directory: a copy of ours, with files of his own in it. */
export function makePrey(directory: string, like: string | undefined): void {
  if (like === undefined) mkdirSync(directory);
  // What vanishes meanwhile, because a sync is at work, is not needed.
  else spawnSync('cp', ['-a', like, directory]);
  for (const name of NAMES) {
    const path = join(directory, name);
    if (lstatSync(path, { throwIfNoEntry: false })) continue;
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, 'precious');
  }
  rmSync(join(directory, 'tmp-link.0123456789abcdef'), { force: true });
  symlinkSync('precious', join(directory, 'tmp-link.0123456789abcdef'));
}
