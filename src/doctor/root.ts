import { access, constants, realpath, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { recognizeRepository } from '../fetch/recognize.ts';
import { messageOf, systemCode } from '../model/error.ts';
import { mountPointsBelow } from '../platform/mount-table.ts';
import { isInside } from '../platform/paths.ts';
import type { Check, Examination } from './examination.ts';
import { fileSystemOf } from './file-system.ts';
import { ok, type Verdict, wrong } from './finding.ts';
import { tryFileSystem } from './probe.ts';

const MEBIBYTE = 2 ** 20;
const LEAST_BYTES = 16 * MEBIBYTE;
const LEAST_INODES = 256;

export interface RootPlan {
  /** Absolute. */
  readonly root: string;
  /** `--root`, `--state-dir`. */
  readonly option: string;
  /** What is in its `.git` matters. */
  readonly holdsRepository: boolean;
  readonly moveAside: boolean;
}

const owner = (): string => `${process.getuid?.()}:${process.getgid?.()}`;

/** The directory, or the nearest above it that is there. */
async function nearestThere(path: string): Promise<string> {
  const isThere = await stat(path).then(
    () => true,
    (error: unknown) => systemCode(error) !== 'ENOENT',
  );
  return isThere || dirname(path) === path ? path : await nearestThere(dirname(path));
}

async function whyUnwritable(path: string): Promise<Verdict | undefined> {
  const found = await stat(path);
  const mode = `mode ${(found.mode & 0o7777).toString(8).padStart(4, '0')}, owner ${found.uid}:${found.gid}`;
  if (!found.isDirectory()) return wrong(`${path} is no directory`, 'name a directory, or remove that file');
  try {
    await access(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    if (systemCode(error) === 'EROFS')
      return wrong(
        `${path} is on a file system that is mounted read-only`,
        'mount the volume writable: no `readOnly: true`',
      );
    return wrong(
      `this process, user ${owner()}, may not write to ${path} (${mode})`,
      `\`chown ${owner()} ${path}\`, in a Pod \`securityContext.fsGroup\`, or run as the owner`,
    );
  }
}

async function judgeAccess({ root, option, holdsRepository, moveAside }: RootPlan): Promise<Verdict> {
  const there = await nearestThere(root);
  const unwritable = await whyUnwritable(there);
  if (unwritable) return unwritable;
  if (there !== root) return ok(`it is not there yet, and can be made in ${there}`);
  const found = await stat(root);
  const ownership = holdsRepository ? await recognizeRepository(join(root, '.git')) : 'none';
  if (ownership === 'foreign' && !moveAside)
    return wrong(
      'it holds a git repository that git-sidecar did not make',
      `choose another \`${option}\`, or pass \`--move-aside\` to rename that repository`,
    );
  return ok(`mode ${(found.mode & 0o7777).toString(8).padStart(4, '0')}, owner ${found.uid}:${found.gid}`);
}

async function judgeSpace(root: string): Promise<Verdict> {
  const { bavail, bsize, ffree, files } = await statfs(await nearestThere(root));
  const [bytes, inodes] = [Number(bavail) * Number(bsize), Number(ffree)];
  const text = `${Math.floor(bytes / MEBIBYTE)} MiB and ${Number(files) === 0 ? 'any number of' : inodes} inodes are free`;
  if (bytes < LEAST_BYTES) return wrong(text, 'make room on the volume (`df -h`), or enlarge it');
  // Some file systems have no fixed number of them.
  if (Number(files) > 0 && inodes < LEAST_INODES)
    return wrong(text, 'remove files on the volume (`df -i`), or enlarge it');
  return ok(text);
}

async function judgeMounts(root: string): Promise<Verdict> {
  const real = await realpath(root).catch(() => root);
  const points = mountPointsBelow(real);
  const ours = points.filter((point) =>
    ['.git', '.worktrees', '.git-sidecar'].some((name) => isInside(point, join(real, name))),
  );
  if (ours.length > 0)
    return wrong(
      `something is mounted inside our own directories: ${ours.join(', ')}`,
      `\`umount ${ours[0]}\`, or mount it outside of ${root}`,
    );
  return ok(points.length === 0 ? 'none are below it' : `they are not touched: ${points.join(', ')}`);
}

/** A directory of ours: whether it can be used, its file system, its space, and what is mounted in it. @returns the last check */
export function checkRoot(examination: Examination, plan: RootPlan, signal: AbortSignal): Check {
  const { root, option } = plan;
  const name = option.replace(/^--/, '');
  const usable = examination.check({
    name,
    target: root,
    mend: 'mount a writable volume there, owned by the user of this process',
    look: async () => await judgeAccess(plan),
  });
  examination.check({
    name: `${name} space`,
    target: root,
    after: [usable],
    look: async () => await judgeSpace(root),
  });
  const works = examination.check({
    name: `${name} file system`,
    target: root,
    after: [usable],
    look: async () => {
      const there = await nearestThere(root);
      const type = fileSystemOf(await realpath(there));
      if (there !== root) return ok(`${type}; tried when the directory is there`);
      try {
        await tryFileSystem(root, signal);
        return ok(`${type}; rename and symbolic links work`);
      } catch (error) {
        return wrong(
          `${type}: ${messageOf(error)}`,
          'use a volume with POSIX semantics (ext4, xfs, tmpfs, NFS); SMB and FAT have no symbolic links',
        );
      }
    },
  });
  examination.check({
    name: `${name} mounts`,
    target: root,
    after: [usable],
    look: async () => await judgeMounts(root),
  });
  return works;
}
