import { availableParallelism } from 'node:os';
import { SidecarError } from '../model/error.ts';
import type { Logger } from '../platform/log.ts';
import type { MemoryGroup } from '../platform/memory-limit.ts';
import type { CommandResult } from '../platform/process/runner.ts';
import type { GitSetting } from './config-file.ts';

const MEBIBYTE = 2 ** 20;

/** Under this limit git saves memory from the start: with its own settings it takes more than a hundred megabytes. */
const SMALL = 256 * MEBIBYTE;

/**
 * Less memory for more time. One thread at a time; large files are streamed, not held whole (and not compared with
 * other files when they are packed); small caches; small pieces of packs in memory.
 */
const SAVING: readonly GitSetting[] = [
  { key: 'core.bigFileThreshold', value: '512k' },
  { key: 'core.deltaBaseCacheLimit', value: '2m' },
  { key: 'core.packedGitLimit', value: '8m' },
  { key: 'core.packedGitWindowSize', value: '1m' },
  { key: 'core.preloadIndex', value: 'false' },
  { key: 'checkout.workers', value: '1' },
  { key: 'fetch.unpackLimit', value: '1' },
  { key: 'index.threads', value: '1' },
  { key: 'pack.deltaCacheSize', value: '1m' },
  { key: 'pack.threads', value: '1' },
  { key: 'pack.windowMemory', value: '4m' },
  { key: 'submodule.fetchJobs', value: '1' },
];

/** From this limit on git may take what it takes by itself. */
const AMPLE = 8 * 1024 * MEBIBYTE;
/** Memory for each thread that unpacks or packs; by itself git takes one thread for each core of the machine. */
const OF_A_THREAD = 256 * MEBIBYTE;

/** A part of the limit, no more than git's own default. */
const part = (limit: number, of: number, most: number): string =>
  `${Math.min(most, Math.floor(limit / of / MEBIBYTE))}m`;

/** Between the two limits: a few large objects at a time, each a small part of the limit. */
function moderate(limit: number): readonly GitSetting[] {
  const threads = Math.min(availableParallelism(), Math.floor(limit / OF_A_THREAD));
  return [
    { key: 'core.bigFileThreshold', value: part(limit, 16, 512) },
    { key: 'core.deltaBaseCacheLimit', value: part(limit, 16 * threads, 96) },
    { key: 'pack.threads', value: `${threads}` },
    { key: 'pack.windowMemory', value: part(limit, 8 * threads, 1024) },
  ];
}

/** Of everything but the files' list: this process, and a git with small caches. Measured: docs/containers.md. */
const BASE_BYTES = 23 * MEBIBYTE;
/** git holds the list of all files whole while it checks out. */
const BYTES_A_FILE = 210;
/** What there always is: below it there is not enough for any repository. */
const FEW_FILES = 10_000;

/** So many times what a warning asked for is worth another one. */
const MUCH_MORE = 1.25;

const inMebibytes = (bytes: number): number => Math.ceil(bytes / MEBIBYTE);

/** What git says when the kernel gives it no more, and how it reports a process of its own that was killed. */
const WANTS_MEMORY =
  /out of memory|cannot allocate memory|malloc failed|calloc failed|unable to create (?:async )?thread|unable to fork/i;
const KILLED = /\bdied of signal 9\b/;
const KILLED_SAYS_SHELL = 128 + 9;

/** How much memory git may take, and what is done when it was too much. */
export class GitMemory {
  readonly #group: MemoryGroup;
  #kills: number | undefined;
  readonly #log: Pick<Logger, 'warn'> | undefined;
  #isTight: boolean;
  /** Bytes that the last warning asked for. */
  #warnedOf = 0;

  /** @param log gets a warning when the limit cannot be enough */
  constructor(group: MemoryGroup, log?: Pick<Logger, 'warn'>) {
    this.#group = group;
    this.#log = log;
    this.#kills = group.kills();
    this.#isTight = group.limit !== undefined && group.limit <= SMALL;
    this.expect(FEW_FILES);
  }

  /** Warns, before the kernel kills anything, when the limit is too small for a repository with so many files. */
  expect(files: number): void {
    const { limit } = this.#group;
    const needed = BASE_BYTES + files * BYTES_A_FILE;
    if (limit === undefined || limit >= needed || needed < MUCH_MORE * this.#warnedOf || !this.#log) return;
    this.#warnedOf = needed;
    const [has, wants] = [Math.floor(limit / MEBIBYTE), inMebibytes(needed)];
    this.#log.warn('the memory limit is too small: the kernel may end this process', {
      limit_mib: has,
      needed_mib: wants,
      ...(files > FEW_FILES && { objects: files }),
      hint: `Raise the memory limit of the container to at least ${wants} MiB (resources.limits.memory); docs/containers.md says what was measured.`,
    });
  }

  /** Memory matters more than time. */
  get isTight(): boolean {
    return this.#isTight;
  }

  /** Settings that go in place of those which they name; none while there is memory enough. */
  get settings(): readonly GitSetting[] {
    if (this.#isTight) return SAVING;
    const { limit } = this.#group;
    return limit === undefined || limit >= AMPLE ? [] : moderate(limit);
  }

  /**
   * The error of a command that memory ended; undefined when it failed for another reason. From then on git saves memory.
   */
  failureOf(op: string, target: string | undefined, result: CommandResult): SidecarError | undefined {
    const how = this.#howItEnded(result);
    if (how === undefined) return undefined;
    const wasTight = this.#isTight;
    this.#isTight = true;
    const limit = this.#group.limit === undefined ? undefined : Math.floor(this.#group.limit / MEBIBYTE);
    const within = limit === undefined ? '' : ` within the limit of ${limit} MiB`;
    const next = wasTight ? 'it used as little as it can already' : 'from now on it uses less';
    return new SidecarError('ERR_GIT_MEMORY', {
      op,
      ...(target !== undefined && { target }),
      detail: `git ran out of memory${within} (${how}); ${next}`,
      ...(wasTight && limit !== undefined && { hint: raise(limit) }),
    });
  }

  #howItEnded({ code, signal, stderr }: CommandResult): string | undefined {
    if (WANTS_MEMORY.test(stderr)) return 'it could not get more';
    if (signal !== 'SIGKILL' && code !== KILLED_SAYS_SHELL && !KILLED.test(stderr)) return undefined;
    const before = this.#kills;
    this.#kills = this.#group.kills();
    if (this.#kills !== undefined && this.#kills === before) return undefined;
    return this.#kills === undefined ? 'another process or the kernel killed it' : 'the kernel killed it';
  }
}

function raise(limit: number): string {
  return `Raise the memory limit of the container to ${limit * 2} MiB (resources.limits.memory); docs/containers.md says what was measured.`;
}
