import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { mountImage, unmount } from './disks.ts';
import type { Cut, Life } from './life.ts';
import { readStarts } from './modes.ts';
import type { Namespace } from './namespace.ts';
import { Program } from './program.ts';
import { judge, type Sight, type Tree } from './trees.ts';

/** Where the machine was started again: with the git server, or without it. */
export interface NextBoot {
  readonly namespace: Namespace;
  readonly isReachable: boolean;
}

export interface Outcome {
  /** What a reader got before the start. */
  readonly before: Sight;
  /** What a reader gets when the first cycle has done what it can. */
  readonly after: Sight;
  /** From the start until then. */
  readonly ms: number;
  /** What is wrong; undefined: nothing is. */
  readonly fault: string | undefined;
}

const LIMIT_MS = 30_000;
const LATER_MS = 400;

/** The first start after a cut. @param disks the namespace that has the images */
export async function startAfter(life: Life, cut: Cut, boot: NextBoot, disks: Namespace): Promise<Outcome> {
  const { place, history, options } = life;
  const { mode, fileSystem, home } = options;
  const image = options.disks.cut(cut.image);
  const revisions = history.revisions.slice(0, cut.pushed);
  const trees: readonly Tree[] = revisions.map(({ tree }) => tree);
  const newest = revisions.at(-1);
  if (!newest) throw new Error('nothing was pushed');
  history.show(newest);
  mountImage(boot.namespace, disks, image, fileSystem, place);
  const seen = boot.namespace.seen(place);
  const starts = join(home, 'starts');
  rmSync(starts, { force: true });
  try {
    const look = (): Sight => judge(mode.read(seen, place), trees);
    const before = look();
    const begin = performance.now();
    const program = new Program(boot.namespace, mode.program, mode.args(history.upstream.bare, place, starts));
    const isAtRest = boot.isReachable
      ? (): boolean => program.lines.some((line) => line.includes('"next sync"')) && look() === 'new'
      : (): boolean => mode.isAtRest(program.lines);
    try {
      let isInTime = await program.until(isAtRest, LIMIT_MS);
      const ms = performance.now() - begin;
      // What comes of it a moment later is seen too.
      await delay(boot.isReachable ? 0 : LATER_MS);
      isInTime &&= await program.until(isAtRest, LIMIT_MS);
      const read = readStarts(starts).map((tree) => judge(tree, trees));
      const after = look();
      return { before, after, ms, fault: faultOf({ before, after, isInTime, read }, program) };
    } finally {
      await program.stop();
    }
  } finally {
    unmount(boot.namespace, place);
    options.disks.remove(image);
  }
}

interface Seen {
  readonly before: Sight;
  readonly after: Sight;
  readonly isInTime: boolean;
  /** What the application read, each time when it was started. */
  readonly read: readonly Sight[];
}

function faultOf({ before, after, isInTime, read }: Seen, program: Program): string | undefined {
  const told = (): string => `\n${program.lines.slice(-15).join('\n')}`;
  if (!isInTime) return `it was not at rest in time: ${before} before, ${after} after${told()}`;
  if (after === 'torn' || after === 'absent' || after === 'between') return `${before} before, ${after} after${told()}`;
  if (read.some((sight) => sight !== 'new' && sight !== 'former'))
    return `the application was started from what was ${read.join(', ')}${told()}`;
  return undefined;
}
