import type { Oid } from '../../../model/oid.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { RefChange } from '../../protocol/refs.ts';

/** Refs of ours that keep the objects of former tips from being collected as garbage. No client sees them. */
export const PRIVATE_REFS = 'refs/git-sidecar/';

/**
 * So long a commit that a ref showed may still be asked for: a subscriber that got an event about it may be about to
 * fetch it.
 */
const GRACE_MS = 60_000;
/** Of more that moved at once the others are not held. */
const MOST = 1000;

interface Former {
  readonly oid: Oid;
  readonly ref: string;
  readonly until: number;
}

/** What refs showed a moment ago. */
export class FormerTips {
  readonly #clock: Clock;
  #tips: Former[] = [];
  /** Private refs that are on disk. */
  readonly #held = new Set<Oid>();
  /** What refs do not show any more and clients may still be sent to, by ref; without an end. */
  readonly #kept = new Map<string, readonly Oid[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes note of what refs showed before they move. */
  note(changes: readonly RefChange[]): void {
    const until = this.#clock.monotonic() + GRACE_MS;
    const moving = changes.flatMap(({ ref, from: oid }) => (oid && ref !== 'HEAD' ? [{ oid, ref, until }] : []));
    const isAgain = (tip: Former): boolean => moving.some(({ oid, ref }) => oid === tip.oid && ref === tip.ref);
    const before = this.#tips.filter(({ until: end }) => end > this.#clock.monotonic());
    this.#tips = [...before.filter((tip) => moving.length > MOST || !isAgain(tip)), ...moving].slice(0, MOST);
  }

  /** From now on these commits, and no others, stay for `ref` wherever it goes. */
  keep(ref: string, oids: readonly Oid[]): void {
    if (oids.length > 0) this.#kept.set(ref, oids);
    else this.#kept.delete(ref);
  }

  /** Takes over what an earlier process held. @returns names of private refs that nobody needs */
  takeOver(names: readonly string[]): string[] {
    const kept = new Set([...this.#kept.values()].flat().map(nameOf));
    for (const oid of [...this.#kept.values()].flat()) if (names.includes(nameOf(oid))) this.#held.add(oid);
    return names.filter((name) => !kept.has(name));
  }

  /** Lines for `git update-ref --stdin` after which the repository holds what it should; call `done` when they were taken. */
  changes(): { readonly lines: readonly string[]; readonly done: () => void } {
    const now = this.#clock.monotonic();
    const shown = this.#tips.filter(({ until }) => until > now).map(({ oid }) => oid);
    const wanted = new Set([...shown, ...[...this.#kept.values()].flat()]);
    const over = [...this.#held].filter((oid) => !wanted.has(oid));
    const fresh = [...wanted].filter((oid) => !this.#held.has(oid));
    return {
      lines: [...over.map((oid) => `delete ${nameOf(oid)}\n`), ...fresh.map((oid) => `update ${nameOf(oid)} ${oid}\n`)],
      done: () => {
        for (const oid of over) this.#held.delete(oid);
        for (const oid of fresh) this.#held.add(oid);
      },
    };
  }

  /** Those that a ref showed for which `shows` is true, and whose time is not over. */
  shown(shows: (ref: string) => boolean): Oid[] {
    const now = this.#clock.monotonic();
    const kept = [...this.#kept].filter(([ref]) => shows(ref)).flatMap(([, oids]) => oids);
    return [...kept, ...this.#tips.filter(({ ref, until }) => until > now && shows(ref)).map(({ oid }) => oid)];
  }

  clear(): void {
    this.#tips = [];
    this.#held.clear();
  }
}

function nameOf(oid: Oid): string {
  return `${PRIVATE_REFS}former/${oid}`;
}
