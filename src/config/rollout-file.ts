import type { AnswerConfig, NotificationConfig } from './answer-config.ts';
import type { Policy } from './rollout-policy.ts';

/** The one relay that decides about rollouts, and how the others reach it. Paths are absolute. */
export interface DeciderConfig {
  readonly name: string;
  /** Without a trailing slash. */
  readonly url: string;
  readonly tokenFile: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

/** What the file of `--rollouts` holds. */
export interface RolloutFile {
  /** undefined: each relay that has the file decides. */
  readonly decider: DeciderConfig | undefined;
  readonly policies: readonly Policy[];
  readonly answers: readonly AnswerConfig[];
  readonly notifications: readonly NotificationConfig[];
}
