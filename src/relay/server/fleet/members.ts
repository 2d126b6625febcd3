import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { Member } from './member.ts';

export interface MemberLimits {
  /** Members of one principal, and of all. */
  readonly mostOfOne: number;
  readonly most: number;
  /** Of them, those whose stream has ended. */
  readonly mostGoneOfOne: number;
  readonly mostGone: number;
  /** A member is not kept any longer. */
  readonly onForgotten?: ((member: Member) => void) | undefined;
}

/** What is kept of one principal. */
interface Holding {
  readonly byStream: Map<string, Member>;
  /** The longest gone first. */
  readonly gone: Set<Member>;
}

/**
 * The members that are connected, and those that were. Every principal has names of its own, so none reaches a member
 * of another one. Room is made by forgetting those that are gone, the longest gone first, never by forgetting a stream
 * that is open.
 */
export class Members {
  readonly #limits: MemberLimits;
  readonly #holdings = new Map<string, Holding>();
  readonly #byRepository = new Map<RepositoryName, Set<Member>>();
  /** Of all principals, the longest gone first. */
  readonly #gone = new Set<Member>();
  #size = 0;

  constructor(limits: MemberLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  get repositories(): RepositoryName[] {
    return [...this.#byRepository.keys()];
  }

  /** In the order in which they came. */
  of(repository: RepositoryName): ReadonlySet<Member> {
    return this.#byRepository.get(repository) ?? new Set();
  }

  find(owner: string, stream: string): Member | undefined {
    return this.#holdings.get(owner)?.byStream.get(stream);
  }

  /** @returns false when there is no room for it */
  add(member: Member): boolean {
    const { owner, repository, report } = member;
    const known = this.find(owner, report.stream);
    if (known) this.remove(known);
    if (!this.#makeRoom(owner)) return false;
    const holding = this.#holdings.get(owner) ?? { byStream: new Map(), gone: new Set() };
    this.#holdings.set(owner, holding);
    holding.byStream.set(report.stream, member);
    const inRepository = this.#byRepository.get(repository) ?? new Set();
    this.#byRepository.set(repository, inRepository);
    inRepository.add(member);
    this.#size += 1;
    return true;
  }

  /** The stream of `member` ended; it is kept as long as there is room. */
  end(member: Member): void {
    const holding = this.#holdings.get(member.owner);
    if (!holding || holding.byStream.get(member.report.stream) !== member) return;
    holding.gone.add(member);
    this.#gone.add(member);
    if (holding.gone.size > this.#limits.mostGoneOfOne) this.#forgetFirst(holding.gone);
    if (this.#gone.size > this.#limits.mostGone) this.#forgetFirst(this.#gone);
  }

  /** Forgets those that were gone before `time`. */
  forgetBefore(time: number): void {
    for (const member of this.#gone) {
      if ((member.goneAt ?? time) >= time) return;
      this.remove(member);
    }
  }

  remove(member: Member): void {
    const { owner, repository, report } = member;
    const holding = this.#holdings.get(owner);
    if (!holding || holding.byStream.get(report.stream) !== member) return;
    holding.byStream.delete(report.stream);
    holding.gone.delete(member);
    this.#gone.delete(member);
    if (holding.byStream.size === 0) this.#holdings.delete(owner);
    const inRepository = this.#byRepository.get(repository);
    inRepository?.delete(member);
    if (inRepository?.size === 0) this.#byRepository.delete(repository);
    this.#size -= 1;
    this.#limits.onForgotten?.(member);
  }

  #makeRoom(owner: string): boolean {
    const holding = this.#holdings.get(owner);
    if (holding && holding.byStream.size >= this.#limits.mostOfOne && !this.#forgetFirst(holding.gone)) return false;
    return this.#size < this.#limits.most || this.#forgetFirst(this.#gone);
  }

  #forgetFirst(gone: ReadonlySet<Member>): boolean {
    const [first] = gone;
    if (first) this.remove(first);
    return first !== undefined;
  }
}
