/** The answer to a question of yes or no, and why, for a person. */
export interface Verdict {
  readonly ok: boolean;
  readonly text: string;
}

/** Yes, and nothing to add. */
export const YES: Verdict = { ok: true, text: 'ok' };
