import type { NotificationConfig } from '../../../config/answer-config.ts';
import type { Authorize, RefusalHints } from '../asking.ts';
import type { Question } from '../question.ts';
import type { RolloutEvent } from '../rollout-event.ts';

/** What one message is about. */
export interface Message {
  /** The oldest first; at least one. */
  readonly events: readonly RolloutEvent[];
  /** So many before them are not shown. */
  readonly more: number;
}

/** Pure: what is sent for a message. @param url of the receiver */
export type WriteMessage = (message: Message, url: string, config: NotificationConfig) => Question;

/** A receiver with its address and credential. */
export interface OpenChannel {
  /** Several events of a rollout may come in one message. */
  readonly isForPeople: boolean;
  /** @throws DeliveryFailure where the address cannot be read */
  readonly write: (message: Message) => Promise<Question>;
  readonly authorize: Authorize;
  readonly hints: RefusalHints;
}
