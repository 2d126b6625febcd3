import type { Hint } from '../model/hint.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import { bounded } from '../platform/bounded.ts';
import type { Clock } from '../platform/clock.ts';
import type { ReadRefs } from './read-refs.ts';
import { collectRefs, type RefChoice, type RefCollector } from './ref-choice.ts';

/** Asks the git server for refs: full names, those of many ending in `*`. The answer may hold more. */
export type AskForRefs = <T>(questions: readonly string[], signal: AbortSignal, read: ReadRefs<T>) => Promise<T>;

interface Collected {
  readonly digest: string;
  /** What the answer says about each choice that was asked for, by its id. */
  readonly about: ReadonlyMap<string, RefCollector>;
}

interface Answer {
  readonly choices: ReadonlySet<string>;
  /** On the monotonic clock, when the question was sent. */
  readonly askedAt: number;
  readonly result: Collected | { readonly error: unknown };
}

interface Asking {
  readonly choices: ReadonlySet<string>;
  readonly askedAt: number;
  /** undefined: it was given up. Never rejects. */
  readonly answer: Promise<Answer | undefined>;
}

interface Member {
  readonly periodMs: number;
  readonly onMoved: (hint: Hint) => void;
  /** undefined until it asks. */
  choice: RefChoice | undefined;
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
   * What the server has of the refs that matter for `choice`.
   * @throws what asking throws
   */
  ask(choice: RefChoice, ask: AskForRefs, signal: AbortSignal): Promise<RefCollector>;
  /** The ref that the last answer to anybody shows for `choice`. */
  seen(choice: RefChoice): AdvertisedRef | undefined;
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
    const member: Member = { periodMs, onMoved, choice: undefined, notBefore: 0, had: undefined, isWaiting: false };
    this.#members.add(member);
    return {
      ask: async (choice, ask, signal) => await this.#answerFor(member, choice, ask, signal),
      seen: (choice) => chosenIn(this.#answer, choice),
      expectNews: () => {
        member.notBefore = this.#clock.monotonic();
      },
      leave: () => void this.#members.delete(member),
    };
  }

  async #answerFor(member: Member, choice: RefChoice, ask: AskForRefs, signal: AbortSignal): Promise<RefCollector> {
    member.choice = choice;
    signal.throwIfAborted();
    // Nothing is awaited before a member asks; otherwise two would ask.
    const asking = this.#joinable(member, choice);
    member.isWaiting = true;
    try {
      const told = this.#kept(member, choice) ?? (asking && (await bounded(asking.answer, signal)));
      member.had = told ?? (await this.#ask(ask, signal));
    } finally {
      member.isWaiting = false;
    }
    const { result } = member.had;
    if ('error' in result) throw result.error;
    // An answer that says nothing of this choice is neither kept nor joined.
    return result.about.get(choice.id) ?? choice.collect();
  }

  /** The answer that another member got a moment ago. */
  #kept({ periodMs, had, notBefore }: Member, { id }: RefChoice): Answer | undefined {
    const answer = this.#answer;
    if (!answer || answer === had || answer.askedAt < notBefore || !answer.choices.has(id)) return undefined;
    return this.#clock.monotonic() - answer.askedAt < periodMs ? answer : undefined;
  }

  /** The question that another member is asking now. */
  #joinable({ notBefore }: Member, { id }: RefChoice): Asking | undefined {
    const asking = this.#asking;
    return asking && asking.askedAt >= notBefore && asking.choices.has(id) ? asking : undefined;
  }

  /**
   * A member asks with its own credentials and its own time limit. When it gives up, its question gives no answer to
   * the others.
   */
  async #ask(ask: AskForRefs, signal: AbortSignal): Promise<Answer> {
    const wanted = [...this.#members].flatMap(({ choice }) => (choice ? [choice] : []));
    const choices = new Set(wanted.map(({ id }) => id));
    const questions = new Set(wanted.flatMap((choice) => choice.questions));
    const askedAt = this.#clock.monotonic();
    const asked = ask([...questions], signal, (refs, digest) => this.#collect(wanted, refs, digest)).then(
      (collected) => collected,
      (error: unknown) => ({ error }),
    );
    const spread = async (): Promise<Answer | undefined> => {
      const result = await asked;
      if (signal.aborted && 'error' in result) return undefined;
      const answer = { choices, askedAt, result };
      this.#answer = answer;
      if ('about' in result) this.#spread(answer);
      return answer;
    };
    const asking: Asking = { choices, askedAt, answer: spread() };
    this.#asking = asking;
    const answer = await asking.answer;
    if (this.#asking === asking) this.#asking = undefined;
    return answer ?? { choices, askedAt, result: await asked };
  }

  /** Nothing is read where the answer is the one that came before. */
  #collect(choices: readonly RefChoice[], refs: Iterable<AdvertisedRef>, digest: string): Collected {
    const before = this.#answer?.result;
    const isSame = before && 'about' in before && before.digest === digest;
    if (isSame && choices.every(({ id }) => before.about.has(id))) return before;
    return { digest, about: collectRefs(choices, refs) };
  }

  #spread(answer: Answer): void {
    for (const { choice, had, isWaiting, onMoved } of this.#members) {
      if (isWaiting || !choice || !had || had === answer || 'error' in had.result) continue;
      const [before, now] = [chosenIn(had, choice), chosenIn(answer, choice)];
      const isMoved = now && (before?.name !== now.name || before.oid !== now.oid);
      if (isMoved) onMoved({ ref: now.name, to: now.peeledOid ?? now.oid });
    }
  }
}

function chosenIn(answer: Answer | undefined, { id }: RefChoice): AdvertisedRef | undefined {
  return answer && 'about' in answer.result ? answer.result.about.get(id)?.chosen : undefined;
}
