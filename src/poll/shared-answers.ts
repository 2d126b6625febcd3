import type { Hint } from '../model/hint.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import { bounded } from '../platform/bounded.ts';
import type { Clock } from '../platform/clock.ts';

/** Asks the git server for refs of these names. */
export type AskForRefs = (names: readonly string[], signal: AbortSignal) => Promise<AdvertisedRef[]>;

interface Answer {
  readonly names: ReadonlySet<string>;
  /** On the monotonic clock, when the question was sent. */
  readonly askedAt: number;
  readonly result: { readonly refs: readonly AdvertisedRef[] } | { readonly error: unknown };
}

interface Asking {
  readonly names: ReadonlySet<string>;
  readonly askedAt: number;
  /** undefined: it was given up. Never rejects. */
  readonly answer: Promise<Answer | undefined>;
}

interface Member {
  readonly periodMs: number;
  readonly onMoved: (hint: Hint) => void;
  names: readonly string[];
  /** An answer to an older question is not good enough. */
  notBefore: number;
  /** The one that it had last. */
  had: Answer | undefined;
  /** It waits for an answer, so nobody has to tell it of one. */
  isWaiting: boolean;
}

/** One follower of a repository that others follow too. */
export interface Membership {
  /**
   * Refs of these names, and perhaps more.
   * @throws what asking throws
   */
  refs(names: readonly string[], ask: AskForRefs, signal: AbortSignal): Promise<readonly AdvertisedRef[]>;
  /** The refs of the last answer to anybody; none when it was a failure. */
  seen(): readonly AdvertisedRef[];
  /** There may be news: only a question that is sent from now on is good enough. */
  expectNews(): void;
  leave(): void;
}

export interface MemberOptions {
  readonly periodMs: number;
  /** Called when an answer to another member's question shows that a ref of this member has moved. */
  readonly onMoved: (hint: Hint) => void;
}

/**
 * One question a period for all syncs that follow refs of the same repository with the same credentials.
 *
 * A member whose period is over asks for the refs of all; the others use that answer when their own period is over,
 * each answer once, and are notified at once when it shows that their ref has moved. So no member learns of a move
 * later than it would alone, whatever the number of members.
 */
export class SharedAnswers {
  readonly #clock: Clock;
  readonly #members = new Set<Member>();
  #answer: Answer | undefined;
  #asking: Asking | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  join({ periodMs, onMoved }: MemberOptions): Membership {
    const member: Member = { periodMs, onMoved, names: [], notBefore: 0, had: undefined, isWaiting: false };
    this.#members.add(member);
    return {
      refs: async (names, ask, signal) => await this.#refsFor(member, names, ask, signal),
      seen: () => {
        const result = this.#answer?.result;
        return result && 'refs' in result ? result.refs : [];
      },
      expectNews: () => {
        member.notBefore = this.#clock.monotonic();
      },
      leave: () => void this.#members.delete(member),
    };
  }

  async #refsFor(
    member: Member,
    names: readonly string[],
    ask: AskForRefs,
    signal: AbortSignal,
  ): Promise<readonly AdvertisedRef[]> {
    member.names = names;
    signal.throwIfAborted();
    // Nothing is awaited before a member asks; otherwise two would ask.
    const asking = this.#joinable(member);
    member.isWaiting = true;
    try {
      const told = this.#kept(member) ?? (asking && (await bounded(asking.answer, signal)));
      member.had = told ?? (await this.#ask(ask, signal));
    } finally {
      member.isWaiting = false;
    }
    const answer = member.had;
    if ('error' in answer.result) throw answer.result.error;
    return answer.result.refs;
  }

  /** The answer that another member got a moment ago. */
  #kept({ names, periodMs, had, notBefore }: Member): Answer | undefined {
    const answer = this.#answer;
    if (!answer || answer === had || answer.askedAt < notBefore || !covers(answer.names, names)) return undefined;
    return this.#clock.monotonic() - answer.askedAt < periodMs ? answer : undefined;
  }

  /** The question that another member is asking now. */
  #joinable({ names, notBefore }: Member): Asking | undefined {
    const asking = this.#asking;
    return asking && asking.askedAt >= notBefore && covers(asking.names, names) ? asking : undefined;
  }

  /**
   * A member asks with its own credentials and its own time limit. When it gives up, its question gives no answer to
   * the others.
   */
  async #ask(ask: AskForRefs, signal: AbortSignal): Promise<Answer> {
    const names = new Set([...this.#members].flatMap((member) => member.names));
    const askedAt = this.#clock.monotonic();
    const asked = ask([...names], signal).then(
      (refs) => ({ refs }),
      (error: unknown) => ({ error }),
    );
    const spread = async (): Promise<Answer | undefined> => {
      const result = await asked;
      if (signal.aborted && 'error' in result) return undefined;
      const answer = { names, askedAt, result };
      this.#answer = answer;
      if ('refs' in result) this.#spread(answer, result.refs);
      return answer;
    };
    const asking: Asking = { names, askedAt, answer: spread() };
    this.#asking = asking;
    const answer = await asking.answer;
    if (this.#asking === asking) this.#asking = undefined;
    return answer ?? { names, askedAt, result: await asked };
  }

  #spread(answer: Answer, refs: readonly AdvertisedRef[]): void {
    const now = new Map(refs.map((ref) => [ref.name, ref]));
    for (const { names, had, isWaiting, onMoved } of this.#members) {
      if (isWaiting || !had || had === answer || !('refs' in had.result)) continue;
      const before = new Map(had.result.refs.map((ref) => [ref.name, ref]));
      const ref = names.map((name) => now.get(name)).find((each) => each !== undefined);
      if (ref && before.get(ref.name)?.oid !== ref.oid) onMoved({ ref: ref.name, to: ref.peeledOid ?? ref.oid });
    }
  }
}

function covers(known: ReadonlySet<string>, names: readonly string[]): boolean {
  return names.every((name) => known.has(name));
}
