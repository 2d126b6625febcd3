import type { GitOutput, GitRunOptions } from '../../../git/git.ts';
import { messageOf } from '../../../model/error.ts';
import type { AdvertisedRef } from '../../../model/ref.ts';
import { eachInTurns } from '../../../platform/in-turns.ts';
import type { Logger } from '../../../platform/log.ts';
import { LARGEST_LISTING, readLsRemote } from '../../../poll/ls-remote.ts';
import type { RefChange, Refs } from '../../protocol/refs.ts';
import type { FormerTips } from './former-tips.ts';
import { NICENESS } from './niceness.ts';

/** Refs that are files of their own before they are packed. */
const MOST_LOOSE = 1000;

/** Runs git on the repository of the mirror. @throws SidecarError ERR_GIT_* */
export type RunHere = (args: readonly string[], options: Omit<GitRunOptions, 'target'>) => Promise<GitOutput>;

export interface RefsOnDiskOptions {
  readonly run: RunHere;
  /** Whatever moves refs also keeps those that hold former tips. */
  readonly former: FormerTips;
  readonly log: Logger;
  readonly gitDir: string;
}

/** The refs of a mirror as git has them: read, moved, and packed when they are very many. */
export class RefsOnDisk {
  readonly #options: RefsOnDiskOptions;
  /** Refs that were moved since they were packed: each is a file. */
  #loose = 0;

  constructor(options: RefsOnDiskOptions) {
    this.#options = options;
  }

  /** All of them, private ones too. */
  async read(signal: AbortSignal): Promise<Refs> {
    const { run } = this.#options;
    // What was mirrored fits: an answer is refused that does not.
    const options = { op: 'read the refs of', signal, accept: [1], maxOutputBytes: 2 * LARGEST_LISTING };
    const show = await run(['show-ref', '--head', '--dereference'], options);
    const head = await run(['symbolic-ref', '--quiet', 'HEAD'], options);
    const symref = head.stdout.trim();
    const refs = new Map<string, AdvertisedRef>();
    await eachInTurns(readLsRemote(show.stdout.replace(/^(\S+) /gm, '$1\t')), (ref) => {
      refs.set(ref.name, ref.name === 'HEAD' && symref !== '' ? { ...ref, symref } : ref);
    });
    return refs;
  }

  /** Moves refs and HEAD, all of which are there afterwards. @param before the refs as they are */
  async apply(moved: readonly RefChange[], before: Refs, signal: AbortSignal): Promise<void> {
    const lines = moved.filter(({ ref }) => ref !== 'HEAD').map(({ ref, to }) => `update ${ref} ${to?.oid}\n`);
    await this.move(lines, signal);
    await this.moveHead(moved, before, signal);
  }

  async moveHead(moved: readonly RefChange[], before: Refs, signal: AbortSignal): Promise<void> {
    const head: AdvertisedRef | undefined = moved.find(({ ref }) => ref === 'HEAD')?.to;
    if (!head || (head.symref !== undefined && head.symref === before.get('HEAD')?.symref)) return;
    const { oid, symref } = head;
    const how = symref === undefined ? ['update-ref', '--no-deref', 'HEAD', oid] : ['symbolic-ref', 'HEAD', symref];
    await this.#options.run(how, { op: 'set HEAD of', signal });
  }

  /** Moves refs, together with those that hold former tips. @param lines for `git update-ref --stdin` */
  async move(lines: readonly string[], signal: AbortSignal): Promise<void> {
    const { run, former } = this.#options;
    const changes = former.changes();
    const stdin = [...changes.lines, ...lines].join('');
    if (stdin === '') return;
    await run(['update-ref', '--stdin'], { op: 'move the refs of', stdin, signal });
    changes.done();
    await this.noteFiles(lines.length, signal);
  }

  /** A file for each of very many refs makes all that looks at the repository slow, also our own search for links. */
  async noteFiles(count: number, signal: AbortSignal): Promise<void> {
    this.#loose += count;
    if (this.#loose <= MOST_LOOSE) return;
    // If it fails, the refs are as good as before; not before as many have moved again it is tried again.
    this.#loose = 0;
    const { run, log, gitDir } = this.#options;
    const options = { op: 'pack the refs of', signal, niceness: NICENESS.copy };
    await run(['pack-refs', '--all'], options).catch((error: unknown) => {
      if (signal.aborted) throw error;
      log.info(0, 'the refs of a mirror could not be packed', { mirror: gitDir, reason: messageOf(error) });
    });
  }
}
