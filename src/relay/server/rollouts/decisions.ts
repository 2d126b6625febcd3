import type { Oid } from '../../../model/oid.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/log.ts';
import type { OneAtATime } from '../../../platform/one-at-a-time.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { JournalEntry } from '../../rollout/journal.ts';
import type { GovernedRepository, RefChanges } from './governed-repository.ts';
import type { OnNote } from './rollout-desk.ts';
import type { DecisionStore } from './rollout-store.ts';

export interface DecisionsOptions {
  readonly store: DecisionStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** In which they are written, and fleets are looked at. */
  readonly turns: OneAtATime;
  /** Commits that stay, wherever the ref goes. */
  readonly keep: (name: RepositoryName, ref: string, oids: readonly Oid[]) => void;
  /** Some instances may see other refs now. */
  readonly onReleased: (name: RepositoryName, instances: ReadonlySet<string>) => void;
  readonly onNote: OnNote;
}

/** Before it is tried again to write what could not be written; while that is not shown, it is urgent. */
const SAVE_AGAIN_MS = 10_000;
const SAVE_AGAIN_SOON_MS = 1000;
/** What was decided is written down to the end. */
const NEVER = new AbortController().signal;

/** What was decided and is not shown yet. */
interface Pending {
  readonly instances: Set<string>;
  readonly notes: [ref: string, entry: JournalEntry][];
  isChanged: boolean;
}

/**
 * What was decided is written down first, and then shown. Where no other relay decides, what cannot be written is shown
 * nevertheless, and written again later.
 */
export class Decisions {
  readonly #options: DecisionsOptions;
  readonly #pending = new Map<RepositoryName, Pending>();
  readonly #unwritten = new Set<RepositoryName>();
  #saveAgainAt = 0;

  constructor(options: DecisionsOptions) {
    this.#options = options;
  }

  /** Something about `name` is not shown yet, or could not be written. */
  isPending(name: RepositoryName): boolean {
    return this.#pending.has(name);
  }

  /** Repositories about which something is to be written by now that could not be written before. */
  get due(): readonly RepositoryName[] {
    const isTime = this.#options.clock.monotonic() >= this.#saveAgainAt;
    return isTime ? [...this.#pending.keys()] : [];
  }

  /** @returns whether there is something to show */
  take(repository: GovernedRepository, all: readonly RefChanges[]): boolean {
    let isNews = false;
    for (const [ref, { notes, changed, retargeted }] of all) {
      if (!changed && retargeted.length === 0) continue;
      isNews = true;
      const pending = this.#pendingOf(repository.name);
      for (const entry of notes) pending.notes.push([ref, entry]);
      for (const key of retargeted) pending.instances.add(key);
      if (notes.some(({ what }) => what === 'first'))
        for (const key of repository.instances) pending.instances.add(key);
      pending.isChanged ||= changed;
    }
    return isNews;
  }

  /** All instances of the repository may see something else, by other policies. */
  renew(repository: GovernedRepository): void {
    const pending = this.#pendingOf(repository.name);
    pending.isChanged = true;
    for (const key of repository.instances) pending.instances.add(key);
  }

  /** Writes down what is pending, and shows it: that of many calls together. */
  async show(repository: GovernedRepository): Promise<void> {
    await this.#options.turns.run(async () => await this.showNow(repository), NEVER);
  }

  /** Of {@link show}, for who has the turn. */
  async showNow(repository: GovernedRepository): Promise<void> {
    const { name } = repository;
    const { store, onReleased, onNote, log, keep } = this.#options;
    const pending = this.#pending.get(name);
    if (!pending) return;
    this.#pending.delete(name);
    const isWritten = !pending.isChanged || (await this.#save(repository));
    if (!isWritten) {
      const later = this.#pendingOf(name);
      later.isChanged = true;
      if (store.isBinding) {
        later.notes.unshift(...pending.notes);
        for (const key of pending.instances) later.instances.add(key);
        return;
      }
    }
    for (const [ref, entry] of pending.notes) {
      const { what, who, why, oid, stage } = entry;
      log.info(0, 'rollout', { repository: name, ref, what, stage, hash: oid, who, why });
      onNote(name, entry, ref, repository.policy(ref)?.name ?? '');
    }
    if (pending.isChanged) for (const [ref, oids] of repository.kept()) keep(name, ref, oids);
    if (pending.instances.size > 0) onReleased(name, pending.instances);
  }

  #pendingOf(name: RepositoryName): Pending {
    const pending = this.#pending.get(name) ?? { instances: new Set<string>(), notes: [], isChanged: false };
    this.#pending.set(name, pending);
    return pending;
  }

  /** @returns whether it is written */
  async #save(repository: GovernedRepository): Promise<boolean> {
    const { store, log, clock } = this.#options;
    const { name } = repository;
    try {
      await store.save(name, repository.stored());
      this.#unwritten.delete(name);
      return true;
    } catch (error) {
      this.#saveAgainAt = clock.monotonic() + (store.isBinding ? SAVE_AGAIN_SOON_MS : SAVE_AGAIN_MS);
      const text = store.isBinding
        ? 'rollouts cannot be noted; what was decided is not shown'
        : 'rollouts cannot be noted; a relay that starts again would not know of this';
      // It is tried again every second.
      if (store.isBinding && this.#unwritten.has(name)) log.info(1, text, { repository: name });
      else log.error(error, text, { repository: name });
      this.#unwritten.add(name);
      return false;
    }
  }
}
