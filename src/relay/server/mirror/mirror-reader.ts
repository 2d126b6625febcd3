import type { Oid } from '../../../model/oid.ts';
import type { Limited } from '../../../platform/limited.ts';
import { Together } from '../../../platform/together.ts';
import type { FollowerLimits } from './follower-options.ts';
import type { Mirror } from './mirror.ts';
import type { CommitLine } from './mirror-commits.ts';

export interface MirrorReaderOptions {
  readonly mirror: Mirror;
  /** Its name, for those who read what takes too long. */
  readonly repository: string;
  readonly limited: Limited;
  readonly limits: Pick<FollowerLimits, 'ask'>;
}

/** Answers questions about the objects of a mirror, each in a bounded time; what cannot be read is not there. */
export class MirrorReader {
  readonly #options: MirrorReaderOptions;
  /** A whole fleet wants the same thing at the same time. */
  readonly #looked = new Together<string, boolean>();

  constructor(options: MirrorReaderOptions) {
    this.#options = options;
  }

  /** The trailers of a commit's message; none where it cannot be read. */
  async trailersOf(oid: Oid): Promise<Readonly<Record<string, string>>> {
    const read = async (signal: AbortSignal) => await this.#options.mirror.trailersOf(oid, signal);
    return await this.#run('read a commit', read).catch(() => ({}));
  }

  /** What people recognise commits by; of those that cannot be read nothing. */
  async describeCommits(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, CommitLine>> {
    const read = async (signal: AbortSignal) => await this.#options.mirror.describeCommits(oids, signal);
    return await this.#run('read commits', read).catch(() => new Map());
  }

  /** @returns whether the object is in the mirror */
  async has(oid: string): Promise<boolean> {
    const look = async (signal: AbortSignal) => await this.#options.mirror.has(oid, signal);
    return await this.#looked.run(oid, async () => await this.#run('look up an object', look).catch(() => false));
  }

  async #run<T>(step: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { repository, limited, limits } = this.#options;
    return await limited.run(`${repository}: ${step}`, limits.ask, work);
  }
}
