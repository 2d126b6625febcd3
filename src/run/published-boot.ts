import { statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readText } from '../platform/atomic-file.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Published } from './follow-link.ts';

/**
 * File systems on a disk of one machine (statfs(2)): ext4, XFS, Btrfs, F2FS, and overlays. What another machine shares
 * with us was looked at there, in another boot.
 */
const OF_ONE_MACHINE = [0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x794c7630];

/** Where a state cannot be understood, after a power cut for instance. */
const UNKNOWN = '?';

/**
 * In which boot of the machine sync knew that what is published is whole: the state of its repository says it, to which
 * the `.git` file of the worktree leads.
 * @returns undefined where no sync says so
 */
async function bootOf(published: string): Promise<string | undefined> {
  for (let path = published; path !== dirname(path); path = dirname(path)) {
    const text = await readText(join(path, '.git'));
    if (text === undefined) continue;
    const pointer = /^gitdir: (.+?)\r?\n?$/.exec(text)?.[1];
    if (pointer === undefined) return text.trim() === '' ? UNKNOWN : undefined;
    // `<repository>/worktrees/<id>`
    const repository = dirname(dirname(resolve(path, pointer)));
    const state = await readText(join(repository, 'git-sidecar', 'state.json'));
    return state === undefined ? undefined : bootIn(state);
  }
  return undefined;
}

function bootIn(state: string): string | undefined {
  try {
    const { boot } = JSON.parse(state) as { boot?: unknown };
    return typeof boot === 'string' && boot !== '' ? boot : undefined;
  } catch {
    return UNKNOWN;
  }
}

export interface PublishedBootOptions {
  /** Identity of this boot of the machine; empty where the system does not say it. */
  readonly boot: string;
  /** How long sync may take to look at what is published; undefined: until it has. */
  readonly patienceMs: number | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Knows what is not to be deployed yet: after a start of the machine what is published may be torn, until sync has read
 * it. A sync that is not there is not waited for in vain.
 */
export class PublishedBoot {
  readonly #options: PublishedBootOptions;
  /** Since when something is in doubt, on the monotonic clock. */
  #since: number | undefined;
  #isGivenUp = false;

  constructor(options: PublishedBootOptions) {
    this.#options = options;
  }

  async isInDoubt({ id, path }: Published): Promise<boolean> {
    if (this.#isGivenUp || !(await this.#isOfOtherBoot(path))) {
      this.#since = undefined;
      return false;
    }
    const { clock, log, patienceMs } = this.#options;
    if (this.#since === undefined) {
      this.#since = clock.monotonic();
      const message = 'the machine was started again, and sync has not read what is published since: waiting for that';
      log.info(0, message, { hash: id });
    }
    if (patienceMs === undefined || clock.monotonic() - this.#since < patienceMs) return true;
    this.#isGivenUp = true;
    log.warn('no sync has read what is published since the machine was started: it is deployed as it is', { hash: id });
    return false;
  }

  async #isOfOtherBoot(path: string): Promise<boolean> {
    const { boot } = this.#options;
    if (boot === '') return false;
    const made = await bootOf(path);
    if (made === undefined || made === boot) return false;
    const { type } = await statfs(path).catch(() => ({ type: 0 }));
    return OF_ONE_MACHINE.includes(type);
  }
}
