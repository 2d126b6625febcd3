import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { OnNote } from '../server/rollouts/rollout-desk.ts';
import type { StoredRefs } from '../server/rollouts/rollout-store.ts';
import { type FollowedRefs, Rollouts } from '../server/rollouts/rollouts.ts';
import { type FleetMessage, type SeatedStream, streamKey } from './messages.ts';
import type { PolicyBook } from './policy-book.ts';
import type { ReadRecord, Records } from './records.ts';
import { Rosters } from './rosters.ts';
import { SharedStore } from './shared-store.ts';

export interface TermOptions {
  readonly records: Records;
  /** A name for this term of this relay that no other one has. */
  readonly writer: string;
  readonly mayWrite: () => boolean;
  readonly policies: () => PolicyBook;
  /** What this relay shows. */
  readonly seeds: () => ReadonlyMap<RepositoryName, StoredRefs>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly follower: (name: RepositoryName) => FollowedRefs | undefined;
  /** Follows a repository that instances of other relays follow. */
  readonly follow: (name: RepositoryName, owner: string) => Promise<void>;
  readonly onWritten: (record: ReadRecord) => void;
  readonly onNote: OnNote;
  /** A relay has to send the list of its instances again. */
  readonly onIncomplete: (relay: string) => void;
}

/** A relay that was silent for so long is gone, and its instances have to come back at another one. */
const SILENCE_MS = 15_000;
/** Repositories of instances that are elsewhere are asked for so often, so that they stay followed. */
const FOLLOW_EVERY_MS = 5000;

/** The time in which this relay decides, from the lease that it took to the one that it lost. */
export class Term {
  readonly rollouts: Rollouts;
  readonly #options: TermOptions;
  readonly #store: SharedStore;
  readonly #rosters = new Rosters();
  /** Streams that wait until their repository is followed here. */
  readonly #waiting = new Map<string, SeatedStream>();
  readonly #seated = new Map<string, SeatedStream>();
  /** Repositories about which this was logged. */
  readonly #unfollowed = new Set<RepositoryName>();
  #followAt = 0;
  #isOver = false;

  constructor(options: TermOptions) {
    const { records, writer, mayWrite, policies, clock, log, follower, onWritten, onNote } = options;
    this.#options = options;
    this.#store = new SharedStore({
      ...{ records, writer, policies, onWritten },
      mayWrite: () => !this.#isOver && mayWrite(),
      seeds: options.seeds(),
      onLost: () => this.end(),
    });
    // Instances are shown what was written, whoever wrote it.
    const onReleased = (): void => undefined;
    this.rollouts = new Rollouts({ store: this.#store, clock, log, follower, onReleased, onNote });
  }

  /** Another relay decides now, or none. */
  get isOver(): boolean {
    return this.#isOver;
  }

  end(): void {
    this.#isOver = true;
  }

  /** Goes on where the former relay was. @throws when what it left cannot be read, or not be taken over */
  async begin(): Promise<void> {
    await this.rollouts.open(this.#options.policies().policies);
    await Promise.all([...this.#options.seeds().keys()].map(async (name) => await this.rollouts.look(name)));
  }

  /** Other policies are in force. */
  async renew(): Promise<void> {
    const { policies, seeds } = this.#options;
    await this.rollouts.take(policies().policies);
    for (const [name, refs] of seeds()) if (!this.rollouts.knows(name)) await this.#store.renew(name, refs);
  }

  take(message: FleetMessage): void {
    if (this.#isOver) return;
    const { set, gone, isIncomplete } = this.#rosters.take(message, this.#options.clock.monotonic());
    for (const stream of set) this.#waiting.set(keyOf(stream), stream);
    for (const stream of gone) this.#leave(stream);
    this.#seat();
    if (isIncomplete) this.#options.onIncomplete(message.from);
  }

  /** Time has passed. */
  async tick(): Promise<void> {
    const { clock } = this.#options;
    if (this.#isOver) return;
    for (const stream of this.#rosters.expire(clock.monotonic(), SILENCE_MS)) this.#leave(stream);
    if (clock.monotonic() >= this.#followAt) {
      this.#followAt = clock.monotonic() + FOLLOW_EVERY_MS;
      const all = [...this.#seated.values(), ...this.#waiting.values()];
      const owners = new Map(all.map(({ repository, owner }) => [repository, owner]));
      for (const [repository, owner] of owners) void this.#follow(repository, owner);
    }
    this.#seat();
    await this.rollouts.tick();
  }

  async #follow(repository: RepositoryName, owner: string): Promise<void> {
    try {
      await this.#options.follow(repository, owner);
      this.#unfollowed.delete(repository);
    } catch (error) {
      if (this.#unfollowed.has(repository)) return;
      this.#unfollowed.add(repository);
      const text = 'this relay cannot follow what instances of another relay follow, so it decides nothing about it';
      this.#options.log.error(error, text, { repository });
    }
  }

  /** Makes those known whose repositories are followed here. */
  #seat(): void {
    const { follower } = this.#options;
    for (const [key, stream] of this.#waiting) {
      const { owner, repository, report, names } = stream;
      const isKnown = (follower(repository)?.refs.size ?? 0) > 0;
      if (!isKnown) continue;
      if (!this.rollouts.knows(repository)) this.#begin(this.rollouts.look(repository));
      const known = this.#seated.get(key);
      this.#waiting.delete(key);
      this.#seated.set(key, stream);
      this.#begin(
        known ? this.rollouts.report(owner, repository, report) : this.rollouts.join(owner, repository, report, names),
      );
    }
  }

  #leave(stream: SeatedStream): void {
    const key = keyOf(stream);
    this.#waiting.delete(key);
    if (this.#seated.delete(key)) this.#begin(this.rollouts.leave(stream.owner, stream.repository, stream.report));
  }

  #begin(work: Promise<void>): void {
    work.catch((error: unknown) => this.#options.log.error(error, 'a report of an instance could not be used'));
  }
}

function keyOf({ owner, report }: SeatedStream): string {
  return streamKey(owner, report.stream);
}
