import type { Policy } from '../../config/rollout-policy.ts';
import type { Oid } from '../../model/oid.ts';
import type { GovernedState } from './governed-state.ts';
import type { GovernedView } from './governed-view.ts';
import type { Instance } from './instance.ts';
import type { JournalEntry } from './journal.ts';
import type { Order } from './orders.ts';
import type { PushFacts } from './policy.ts';

/** What a call changed. */
export interface Changes {
  /** Connected instances that may be shown another revision now. */
  readonly retargeted: readonly string[];
  /** The state has to be written again. */
  readonly changed: boolean;
  readonly notes: readonly JournalEntry[];
}

const NOTHING: Changes = { retargeted: [], changed: false, notes: [] };

/**
 * The rollouts of one ref of one repository. It has no timers and does no I/O: every call brings the time, in
 * milliseconds since the epoch, and says what changed.
 */
export class GovernedRef {
  constructor(_policy: Policy, _state: GovernedState | undefined) {}
  /** The ref is at `oid`. The same commit again changes nothing. A ref that was deleted is not reported here. */
  pushed(_oid: Oid, _facts: PushFacts, _now: number): Changes {
    return NOTHING;
  }
  /** A stream of `instance` opened. */
  joined(_instance: Instance, _now: number): Changes {
    return NOTHING;
  }
  /** The stream of an instance ended, and no other one has taken its place. */
  left(_key: string, _now: number): Changes {
    return NOTHING;
  }
  /** An instance reported something new. */
  reported(_instance: Instance, _now: number): Changes {
    return NOTHING;
  }
  /** @throws SidecarError ERR_ROLLOUT_ORDER when there is nothing that this could be done to */
  order(_order: Order, _now: number): Changes {
    return NOTHING;
  }
  tick(_now: number): Changes {
    return NOTHING;
  }
  /** When `tick` is needed; undefined: not before something else happens. */
  nextTick(): number | undefined {
    return undefined;
  }
  /** What this instance may be shown; undefined: nothing is known of the ref. */
  target(_key: string): Oid | undefined {
    return undefined;
  }
  state(): GovernedState {
    throw new Error('not built yet');
  }
  describe(_now?: number): GovernedView {
    throw new Error('not built yet');
  }
}
