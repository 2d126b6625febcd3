import type { NewestTarget } from '../config/sync-config.ts';
import { SidecarError } from '../model/error.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import { visibleText } from '../platform/visible-text.ts';
import type { Named, NameRules, Unfit } from './newest-ref.ts';
import type { RefCollector } from './ref-choice.ts';

/** Refs that an error shows of each kind. */
const MOST_SHOWN = 5;
const LONGEST_NAME = 60;

/** A ref that the pattern matches. */
interface Entry {
  readonly ref: AdvertisedRef;
  readonly named: Named;
}

/** How many of a kind there are, and the newest of them, newest first. */
class Sample {
  count = 0;
  readonly newest: Entry[] = [];
  readonly #compare: NameRules['compare'];

  constructor(compare: NameRules['compare']) {
    this.#compare = compare;
  }

  take(entry: Entry): void {
    this.count += 1;
    const last = this.newest.at(-1);
    if (this.newest.length === MOST_SHOWN && last && this.#compare(entry.named, last.named) < 0) return;
    this.newest.push(entry);
    this.newest.sort((a, b) => this.#compare(b.named, a.named));
    this.newest.splice(MOST_SHOWN);
  }

  /** `v2.1.0, v2.0.9 and 12 more` */
  get text(): string {
    const names = this.newest.map(({ named: { short } }) => {
      return visibleText(short.length > LONGEST_NAME ? `${short.slice(0, LONGEST_NAME)}…` : short);
    });
    const more = this.count - names.length;
    return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
  }
}

/** Finds the newest ref, and remembers a few of those that do not fit. */
export class NewestCollector implements RefCollector {
  readonly #target: NewestTarget;
  readonly #rules: NameRules;
  readonly #unfit: Readonly<Record<Unfit | 'other', Sample>>;
  #best: Entry | undefined;

  constructor(target: NewestTarget, rules: NameRules) {
    this.#target = target;
    this.#rules = rules;
    const sample = (): Sample => new Sample(rules.compare);
    this.#unfit = { 'out-of-range': sample(), 'no-version': sample(), other: sample() };
  }

  get chosen(): AdvertisedRef | undefined {
    return this.#best?.ref;
  }

  get sample(): readonly AdvertisedRef[] {
    return Object.values(this.#unfit).flatMap(({ newest }) => newest.map(({ ref }) => ref));
  }

  take(ref: AdvertisedRef): void {
    if (ref.name === 'HEAD') return;
    const matching = this.#rules.read(ref.name);
    const named = matching ?? this.#rules.nameOf(ref.name);
    // Where one is found, the others are of no interest.
    if (this.#best && (!matching || this.#rules.compare(named, this.#best.named) < 0)) return;
    const unfit = matching ? this.#rules.unfit(named) : 'other';
    if (!unfit) this.#best = { ref, named };
    else if (!this.#best) this.#unfit[unfit].take({ ref, named });
  }

  /** Nothing was there that begins like the pattern. */
  get wider(): readonly string[] {
    return this.sample.length === 0 ? ['refs/heads/*', 'refs/tags/*'] : [];
  }

  absence(shownUrl: string): SidecarError {
    const { requested } = this.#target;
    const { 'out-of-range': outside, 'no-version': unversioned, other } = this.#unfit;
    const found = [
      outside.count > 0 ? `other versions are ${outside.text}` : '',
      unversioned.count > 0 ? `no versions are ${unversioned.text}` : '',
    ].filter(Boolean);
    const others = other.count > 0 ? `other refs are ${other.text}` : 'it has no branches and no tags';
    const there = found.length > 0 ? found.join('; ') : others;
    return new SidecarError('ERR_REMOTE_NO_MATCH', {
      op: 'look for',
      target: requested,
      detail: `no ref of ${shownUrl} matches: ${there}`,
    });
  }
}
