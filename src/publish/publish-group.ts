import { bounded } from '../platform/bounded.ts';
import type { Flip, GroupJournal } from './group-journal.ts';

export interface GroupMember {
  /** Unique in the group. */
  readonly name: string;
  /** Another member has news: ask the remote again, now. */
  readonly onRound: () => void;
}

/** What a member has ready. */
export interface Ready {
  /** When the question was sent whose answer it is, in milliseconds on the monotonic clock. */
  readonly askedAt: number;
  readonly flip: Flip;
  /** Makes the flip. */
  readonly show: () => Promise<void>;
  /** Shows what was there before, or nothing. */
  readonly hide: () => Promise<void>;
}

/** `published`: together with the others. `ask again`: what it has is older than the news of another member. */
export type Outcome = 'published' | 'ask again';

interface Waiting extends Ready {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** From the first news of a member until every member is ready. */
interface Round {
  /** When the question was sent that brought the first news. */
  readonly openedAt: number;
  /** Members that were ready, whether they still are or not. */
  readonly known: Set<string>;
  readonly ready: Map<string, Waiting>;
}

/** One member's way to the others. */
export interface Membership {
  /** What a process that crashed had begun to show of this member, and did not end. */
  begun(): Promise<Flip | undefined>;
  /** An answer to a question that was sent at `askedAt` brought something new. */
  hasNews(askedAt: number): void;
  /** It brought nothing new, or nothing that is not shown by now. */
  hasNoNews(askedAt: number): void;
  /**
   * Waits until each member is ready or has no news, and then shows all that is new.
   * @throws what `show` throws, of any member: then nothing new of any is shown; the reason of `signal`
   */
  publish(ready: Ready, signal: AbortSignal): Promise<Outcome>;
  /** Those that the others wait for at the moment. */
  missing(): readonly string[];
  leave(): void;
}

export interface PublishGroupOptions {
  readonly journal: GroupJournal;
  /** All that belong to it, whether they have joined or not; their links are switched in this order. */
  readonly names: readonly string[];
}

/**
 * Syncs whose revisions become visible together. The first one with news opens a round, and the others ask their remotes
 * at once; so what was pushed anywhere before the first news was noticed is part of the round. Each builds its tree and
 * waits. When the last one is ready all links are switched one after the other, with nothing else in between. The
 * journal names them all meanwhile: a start after a crash in between switches the rest.
 */
export class PublishGroup {
  readonly #options: PublishGroupOptions;
  readonly #members = new Map<string, GroupMember>();
  /** When the last question was sent whose answer was no news. */
  readonly #noNewsAt = new Map<string, number>();
  #round: Round | undefined;
  /** Rounds are shown one after the other. */
  #showing: Promise<void> = Promise.resolve();

  constructor(options: PublishGroupOptions) {
    this.#options = options;
  }

  join(member: GroupMember): Membership {
    const { name } = member;
    this.#members.set(name, member);
    return {
      begun: async () => (await this.#options.journal.read()).find(({ unit }) => unit === name),
      hasNews: (askedAt) => void this.#roundSince(askedAt, name),
      hasNoNews: (askedAt) => {
        this.#noNewsAt.set(name, askedAt);
        this.#settle();
      },
      publish: async (ready, signal) => await this.#publish(name, ready, signal),
      missing: () => this.#missing(),
      leave: () => {
        if (this.#members.get(name) !== member) return;
        this.#members.delete(name);
        this.#noNewsAt.delete(name);
      },
    };
  }

  /** The round that is open; where there is none it begins with this, and the others are notified. */
  #roundSince(askedAt: number, name: string): Round {
    if (this.#round) return this.#round;
    const round: Round = { openedAt: askedAt, known: new Set(), ready: new Map() };
    this.#round = round;
    this.#wakeMissing(name);
    return round;
  }

  #wakeMissing(name: string): void {
    for (const each of this.#missing()) if (each !== name) this.#members.get(each)?.onRound();
  }

  #missing(): readonly string[] {
    const round = this.#round;
    if (!round) return [];
    const isUpToDate = (name: string): boolean =>
      (this.#noNewsAt.get(name) ?? Number.NEGATIVE_INFINITY) >= round.openedAt;
    return this.#options.names.filter((name) => !round.ready.has(name) && !isUpToDate(name));
  }

  async #publish(name: string, ready: Ready, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const round = this.#roundSince(ready.askedAt, name);
    if (ready.askedAt < round.openedAt) return 'ask again';
    const shown = new Promise<void>((resolve, reject) => {
      round.ready.set(name, { ...ready, resolve, reject });
    });
    // It gave up once. The others may be waiting for their next attempt, and two that take turns would never meet.
    if (round.known.has(name)) this.#wakeMissing(name);
    round.known.add(name);
    this.#settle();
    try {
      await bounded(shown, signal);
    } catch (error) {
      // A round that is being shown has this one in it; that is a matter of moments.
      if (this.#round !== round) await shown;
      else if (signal.aborted) round.ready.delete(name);
      throw error;
    }
    return 'published';
  }

  #settle(): void {
    const round = this.#round;
    if (!round || this.#missing().length > 0) return;
    this.#round = undefined;
    if (round.ready.size > 0) this.#showing = this.#showing.then(async () => await this.#show(round));
  }

  async #show({ ready }: Round): Promise<void> {
    const { journal, names } = this.#options;
    const inOrder = names.flatMap((name) => ready.get(name) ?? []);
    const begun: Waiting[] = [];
    try {
      // One rename is atomic by itself.
      if (inOrder.length > 1) await journal.write(inOrder.map(({ flip }) => flip));
      for (const each of inOrder) {
        begun.push(each);
        await each.show();
      }
    } catch (error) {
      const hidden = await Promise.allSettled(begun.map(async ({ hide }) => await hide()));
      // Where something new stays visible, the next start shows the rest.
      if (hidden.every(({ status }) => status === 'fulfilled')) await this.#clear();
      for (const { reject } of inOrder) reject(error);
      return;
    }
    await this.#clear();
    for (const { resolve } of inOrder) resolve();
  }

  /** One that stays does no harm: it changes only links that show what they showed before it. */
  async #clear(): Promise<void> {
    await this.#options.journal.clear().catch(() => undefined);
  }
}
