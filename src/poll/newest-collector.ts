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
  readonly #unfit: Readonly<Record<Unfit, Sample>>;
  #best: Entry | undefined;

  constructor(target: NewestTarget, rules: NameRules) {
    this.#target = target;
    this.#rules = rules;
    this.#unfit = { 'no-version': new Sample(rules.compare), 'out-of-range': new Sample(rules.compare) };
  }

  get chosen(): AdvertisedRef | undefined {
    return this.#best?.ref;
  }

  get sample(): readonly AdvertisedRef[] {
    return Object.values(this.#unfit).flatMap(({ newest }) => newest.map(({ ref }) => ref));
  }

  take(ref: AdvertisedRef): void {
    const named = this.#rules.read(ref.name);
    // Where one is found, the others are of no interest.
    if (!named || (this.#best && this.#rules.compare(named, this.#best.named) < 0)) return;
    const unfit = this.#rules.unfit(named);
    if (!unfit) this.#best = { ref, named };
    else if (!this.#best) this.#unfit[unfit].take({ ref, named });
  }

  absence(shownUrl: string): SidecarError {
    const { requested } = this.#target;
    const outside = this.#unfit['out-of-range'];
    const others = this.#unfit['no-version'];
    const found = [
      outside.count > 0 ? `other versions are ${outside.text}` : '',
      others.count > 0 ? `no versions are ${others.text}` : '',
    ].filter(Boolean);
    const there = found.length > 0 ? found.join('; ') : 'there is none with such a name';
    return new SidecarError('ERR_REMOTE_NO_MATCH', {
      op: 'look for',
      target: requested,
      detail: `no ref of ${shownUrl} matches: ${there}`,
    });
  }
}
