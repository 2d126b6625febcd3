import type { DeciderConfig } from '../../config/rollout-file.ts';
import { SidecarError } from '../../model/error.ts';
import type { Clock } from '../../platform/clock.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { Order } from '../rollout/orders.ts';
import type { PlacedState, RolloutDesk, RolloutEntry, SharingView } from '../server/rollouts/rollout-desk.ts';
import type { RefView } from '../server/streams/ref-view.ts';

export interface FollowedRolloutsOptions {
  readonly decider: Pick<DeciderConfig, 'name' | 'url'>;
  readonly clock: Clock;
  /** That relay answers, as far as it was asked. */
  readonly isConnected: () => boolean;
}

/**
 * Rollouts about which another relay decides that this one follows. What that relay shows is released, so it is shown
 * here to everybody; orders are given there.
 */
export class FollowedRollouts implements RolloutDesk {
  readonly isDeciding = false;
  readonly #options: FollowedRolloutsOptions;
  readonly #since: string;

  constructor(options: FollowedRolloutsOptions) {
    this.#options = options;
    this.#since = new Date(options.clock.now()).toISOString();
  }

  get sharing(): SharingView {
    const { decider, isConnected } = this.#options;
    const where = `${decider.name} decides about rollouts; ask ${decider.url}`;
    return {
      group: null,
      decider: decider.name,
      isDeciding: false,
      since: this.#since,
      isConnected: isConnected(),
      trouble: isConnected() ? where : `${where}; this relay does not reach it, and shows what was released last`,
    };
  }

  async open(): Promise<void> {}

  async take(): Promise<void> {}

  isEnforced(): boolean {
    return false;
  }

  kept(): Iterable<never> {
    return [];
  }

  async look(): Promise<void> {}

  async whenDecided(): Promise<void> {}

  async join(): Promise<void> {}

  async report(): Promise<void> {}

  async leave(): Promise<void> {}

  async tick(): Promise<void> {}

  /** @throws SidecarError ERR_ROLLOUT_ORDER, always: it names the relay that takes orders */
  async order(name: RepositoryName, ref: string, { order }: Order): Promise<RolloutEntry> {
    const { decider } = this.#options;
    const detail = `${decider.name} decides about rollouts; give the order to ${decider.url}`;
    throw new SidecarError('ERR_ROLLOUT_ORDER', { op: order, target: `${name}#${ref}`, detail });
  }

  viewOf(_name: RepositoryName, _key: string, from: RefView): RefView {
    return from;
  }

  describe(): Iterable<RolloutEntry> {
    return [];
  }

  view(): undefined {
    return undefined;
  }

  states(): Iterable<PlacedState> {
    return [];
  }
}
