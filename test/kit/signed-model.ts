/** What a follower asks of a step; all of them ask for good signatures. */
export interface Policy {
  readonly range: boolean;
  readonly forward: boolean;
  /** Commits that a person has allowed though they lead back. */
  readonly allowed?: Set<string>;
}

/** What a test knows of each commit, from how it was made: no signature is looked at. */
export class SignedModel {
  /** Who has signed a commit; undefined: nobody whose signature can be good. */
  readonly #signers = new Map<string, string | undefined>();
  readonly #parents = new Map<string, readonly string[]>();
  /** Those whose keys are known today. */
  readonly #known: Set<string>;

  /** @param known those whose keys are known */
  constructor(known: Iterable<string>) {
    this.#known = new Set(known);
  }

  add(oid: string, parents: readonly string[], signer: string | undefined): string {
    this.#parents.set(oid, parents);
    this.#signers.set(oid, signer);
    return oid;
  }

  /** From now on only these keys are known. */
  know(signers: Iterable<string>): void {
    this.#known.clear();
    for (const each of signers) this.#known.add(each);
  }

  isGood(oid: string): boolean {
    const signer = this.#signers.get(oid);
    return signer !== undefined && this.#known.has(signer);
  }

  ancestors(oid: string): ReadonlySet<string> {
    const found = new Set<string>();
    const left = [oid];
    for (let each = left.pop(); each !== undefined; each = left.pop()) {
      if (found.has(each)) continue;
      found.add(each);
      left.push(...(this.#parents.get(each) ?? []));
    }
    return found;
  }

  /** Why the policy forbids the step from what is published to `to`; undefined when it allows it. */
  forbids(from: string | undefined, to: string, { range, forward, allowed }: Policy): string | undefined {
    if (!this.isGood(to)) return 'it is not signed well';
    if (from === undefined || from === to) return undefined;
    const before = this.ancestors(from);
    const all = this.ancestors(to);
    if (forward && !all.has(from) && !allowed?.has(to)) return 'it does not come from what is published';
    const isHidden = [...all].some((each) => !before.has(each) && !this.isGood(each));
    return range && isHidden ? 'a commit before it is not signed well' : undefined;
  }
}
