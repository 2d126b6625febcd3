import type { AnswerConfig, NotificationConfig } from './answer-config.ts';
import type { Policy } from './rollout-policy.ts';

/** What the file of `--rollouts` holds. */
export interface RolloutFile {
  readonly policies: readonly Policy[];
  readonly answers: readonly AnswerConfig[];
  readonly notifications: readonly NotificationConfig[];
}
