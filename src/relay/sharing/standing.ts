import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { SharingView } from '../server/rollouts/rollout-desk.ts';

export interface StandingFacts {
  readonly decider: string | undefined;
  readonly isDeciding: boolean;
  readonly isConnected: boolean;
  readonly hasOtherPolicies: boolean;
}

const LAST_STAYS = 'what was decided last is shown, and nobody gets anything new';

function troubleOf(
  { decider, isConnected, hasOtherPolicies }: StandingFacts,
  reason: string | undefined,
): string | null {
  if (!isConnected) return `NATS is unreachable: ${LAST_STAYS}`;
  if (decider === undefined) return `no relay of the group decides: ${LAST_STAYS}${reason ? ` (${reason})` : ''}`;
  return hasOtherPolicies ? 'the relay that decides has other policies than this one; its policies are in force' : null;
}

/** How a group of relays stands, as this one sees it. Each change is logged once. */
export class Standing {
  readonly #group: string;
  readonly #relay: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #facts: StandingFacts = { decider: undefined, isDeciding: false, isConnected: false, hasOtherPolicies: false };
  #since: number;
  #trouble: string | null | undefined;
  #reason: string | undefined;

  /** @param relay the name of this one */
  constructor(group: string, relay: string, clock: Clock, log: Logger) {
    this.#group = group;
    this.#relay = relay;
    this.#clock = clock;
    this.#log = log;
    this.#since = clock.now();
  }

  get view(): SharingView {
    const { decider, isDeciding, isConnected } = this.#facts;
    return {
      group: this.#group,
      decider: decider ?? null,
      isDeciding,
      since: new Date(this.#since).toISOString(),
      isConnected,
      trouble: this.#trouble ?? null,
    };
  }

  /** Why it cannot be seen who decides. */
  note(reason: string): void {
    this.#reason = reason;
  }

  update(facts: StandingFacts): void {
    const before = this.#facts;
    this.#facts = facts;
    if (facts.decider !== undefined) this.#reason = undefined;
    if (before.decider !== facts.decider || before.isDeciding !== facts.isDeciding) {
      this.#since = this.#clock.now();
      if (facts.isDeciding) this.#log.info(0, 'this relay decides about rollouts', { group: this.#group });
      else if (facts.decider !== undefined && facts.decider !== this.#relay)
        this.#log.info(0, 'another relay decides about rollouts', { group: this.#group, relay: facts.decider });
    }
    const trouble = troubleOf(facts, this.#reason);
    // The reason alone is no other trouble.
    const isNew = trouble !== null && troubleOf(before, this.#reason) !== trouble;
    if (isNew || (trouble !== null && this.#trouble === undefined))
      this.#log.warn('rollouts do not go on as they should', { group: this.#group, reason: trouble });
    this.#trouble = trouble;
  }
}
