import { asSidecarError, messageOf, SidecarError } from '../../model/error.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { Order } from '../rollout/orders.ts';
import type { RolloutEntry } from '../server/rollouts/rollout-desk.ts';
import type { Closing, Wire } from './bucket.ts';
import { readOutcome, readPassedOrder, writeOutcome, writePassedOrder } from './order-messages.ts';
import type { Term } from './term.ts';

const ORDER_MS = 8000;
const ORDERS = 'orders';

function refuse(order: Order, target: string, detail: string, cause?: unknown): SidecarError {
  return new SidecarError('ERR_ROLLOUT_DECIDER', { op: order.order, target, detail, cause });
}

/** Orders of people about rollouts: given here by the relay that decides, passed to it by the others. */
export class PassedOrders {
  readonly #wire: Wire;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** @throws SidecarError ERR_ROLLOUT_* */
  async give(term: Term, repository: RepositoryName, ref: string, order: Order): Promise<RolloutEntry> {
    const entry = await term.rollouts.order(repository, ref, order);
    if (!term.isOver && !term.rollouts.isPending(repository)) return entry;
    throw refuse(order, `${repository}#${ref}`, 'it could not be written down, so look whether it was given');
  }

  /** @param decider undefined while there is none @throws SidecarError ERR_ROLLOUT_* */
  async pass(
    decider: string | undefined,
    repository: RepositoryName,
    ref: string,
    order: Order,
  ): Promise<RolloutEntry> {
    const target = `${repository}#${ref}`;
    if (!this.#wire.isConnected || decider === undefined)
      throw refuse(order, target, 'no relay of the group decides at the moment; try again soon');
    const passed = { repository, ref, order };
    let answer: Uint8Array;
    try {
      answer = await this.#wire.ask(ORDERS, writePassedOrder(passed), ORDER_MS);
    } catch (cause) {
      const detail = `the relay that decides did not answer, so look whether it took the order: ${messageOf(cause)}`;
      throw refuse(order, target, detail, cause);
    }
    return readOutcome(answer, passed);
  }

  /** Takes the orders that other relays pass on. */
  take(term: Term): Closing {
    return this.#wire.answer(ORDERS, async (question) => {
      try {
        const { repository, ref, order } = readPassedOrder(question);
        return writeOutcome(await this.give(term, repository, ref, order));
      } catch (error) {
        return writeOutcome(asSidecarError(error, 'take an order'));
      }
    });
  }
}
