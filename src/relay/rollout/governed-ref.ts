import type { Policy } from '../../config/rollout-policy.ts';
import type { Oid } from '../../model/oid.ts';
import { advance } from './advance.ts';
import { describeGoverned } from './describe.ts';
import { giveOrder } from './give-order.ts';
import { Governed } from './governed.ts';
import type { GovernedState } from './governed-state.ts';
import type { GovernedView } from './governed-view.ts';
import type { Instance } from './instance.ts';
import type { JournalEntry } from './journal.ts';
import { nextTick } from './next-tick.ts';
import type { Order } from './orders.ts';
import type { PushFacts } from './policy.ts';
import { push } from './pushes.ts';
import { lose, take } from './reports.ts';

/** What a call changed. */
export interface Changes {
  /** Keys of connected instances that may be shown another revision now. */
  readonly retargeted: readonly string[];
  /** The state is another one and has to be written. */
  readonly changed: boolean;
  /** What was added to the journal. */
  readonly notes: readonly JournalEntry[];
}

/**
 * The rollouts of one ref of one repository. It has no timers and does no I/O: each call brings the time, in
 * milliseconds since the epoch, and returns what changed. A ref that is deleted on the git server is not reported here:
 * instances keep what they have, as they do without a relay.
 */
export class GovernedRef {
  readonly #governed: Governed;

  constructor(policy: Policy, state: GovernedState | undefined) {
    this.#governed = new Governed(policy, state);
  }

  /** The ref is at `oid`. The same commit again changes nothing. */
  pushed(oid: Oid, facts: PushFacts, now: number): Changes {
    return this.#change(now, (governed) => push(governed, oid, facts));
  }

  /** A stream of `instance` opened. */
  joined(instance: Instance, now: number): Changes {
    return this.#change(now, (governed) => take(governed, instance), true);
  }

  /** The stream of an instance ended, and no other one took its place. */
  left(key: string, now: number): Changes {
    return this.#change(now, (governed) => lose(governed, key));
  }

  /** Instances say something new of themselves. One look at the fleet is enough for all of them. */
  reported(instances: readonly Instance[], now: number): Changes {
    return this.#change(now, (governed) => {
      for (const instance of instances)
        if (instance.connected) take(governed, instance);
        else lose(governed, instance.key);
    });
  }

  /** @throws SidecarError ERR_ROLLOUT_ORDER when there is nothing that this could be done to */
  order(order: Order, now: number): Changes {
    return this.#change(now, (governed) => giveOrder(governed, order));
  }

  /** Time has passed. It may come at any time, and has to come at {@link nextTick}. */
  tick(now: number): Changes {
    return this.#change(now, () => {});
  }

  /** When `tick` is needed, in milliseconds since the epoch; undefined: not before something else happens. */
  nextTick(): number | undefined {
    return nextTick(this.#governed);
  }

  /** What this instance may be shown now; undefined: nothing is known of the ref. */
  target(key: string): Oid | undefined {
    const { members, completed } = this.#governed;
    return members.get(key)?.target ?? completed?.oid;
  }

  state(): GovernedState {
    return this.#governed.state();
  }

  /** @param now for what depends on the time; without it the time of the last call */
  describe(now = this.#governed.now): GovernedView {
    return describeGoverned(this.#governed, now);
  }

  #change(now: number, change: (governed: Governed) => void, isNews = false): Changes {
    const governed = this.#governed;
    const isDue = now >= (nextTick(governed) ?? Number.POSITIVE_INFINITY);
    governed.begin(now);
    change(governed);
    // Most reports say nothing new, and a look at the whole fleet takes its time.
    if (isDue || isNews || governed.isChanged) advance(governed);
    governed.end();
    const retargeted = [...governed.retargeted].filter(({ connected }) => connected).map(({ key }) => key);
    return { retargeted, changed: governed.isChanged, notes: governed.notes };
  }
}
