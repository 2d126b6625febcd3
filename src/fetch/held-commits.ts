import { type Oid, parseOid } from '../model/oid.ts';

/** Refs of a shared store: `refs/git-sidecar/units/NAME/OID`. Each keeps one commit for one unit. */
export const UNIT_REFS = 'refs/git-sidecar/units/';

export function unitRef(unit: string, oid: Oid): string {
  return `${UNIT_REFS}${unit}/${oid}`;
}

/** Which commits the refs of a shared store keep, and for whom. */
export class HeldCommits {
  readonly #byUnit = new Map<string, Set<Oid>>();

  /** @param listing names of refs, one a line */
  static parse(listing: string): HeldCommits {
    const held = new HeldCommits();
    for (const name of listing.split('\n')) {
      if (!name.startsWith(UNIT_REFS)) continue;
      const [unit = '', id = '', ...rest] = name.slice(UNIT_REFS.length).split('/');
      const oid = parseOid(id);
      if (oid && rest.length === 0) held.#of(unit).add(oid);
    }
    return held;
  }

  #of(unit: string): Set<Oid> {
    const known = this.#byUnit.get(unit);
    if (known) return known;
    const made = new Set<Oid>();
    this.#byUnit.set(unit, made);
    return made;
  }

  get units(): readonly string[] {
    return [...this.#byUnit.keys()];
  }

  by(unit: string): ReadonlySet<Oid> {
    return this.#byUnit.get(unit) ?? new Set();
  }

  /** Somebody keeps it. */
  has(oid: Oid): boolean {
    return [...this.#byUnit.values()].some((each) => each.has(oid));
  }

  /** From now on the unit keeps these. @returns what git-update-ref has to be told */
  replace(unit: string, wanted: ReadonlySet<Oid>): string[] {
    const held = this.by(unit);
    const gone = [...held].filter((oid) => !wanted.has(oid)).map((oid) => `delete ${unitRef(unit, oid)}\n`);
    const come = [...wanted].filter((oid) => !held.has(oid)).map((oid) => `update ${unitRef(unit, oid)} ${oid}\n`);
    if (wanted.size === 0) this.#byUnit.delete(unit);
    else this.#byUnit.set(unit, new Set(wanted));
    return [...come, ...gone];
  }
}
