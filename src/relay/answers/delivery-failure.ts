import { CASE_HINTS } from '../../model/case-hints.ts';
import { SidecarError } from '../../model/error.ts';
import { hintOnCertificate } from '../../platform/no-answer.ts';
import type { Verdict } from './verdict.ts';

export interface DeliveryFacts {
  readonly verdict: Exclude<Verdict, 'sent'>;
  readonly op: string;
  /** Nothing secret: the origin of the URL, or a file. */
  readonly target: string;
  readonly detail: string;
  readonly waitMs?: number | undefined;
  readonly cause?: unknown;
  readonly hint?: string;
}

/** An answer or a notification was not taken. */
export class DeliveryFailure extends SidecarError {
  readonly verdict: Exclude<Verdict, 'sent'>;

  constructor({ verdict, waitMs, hint, cause, ...facts }: DeliveryFacts) {
    super(verdict === 'again' ? 'ERR_ANSWER_UNDELIVERED' : 'ERR_ANSWER_REFUSED', {
      ...facts,
      cause,
      ...(hint !== undefined && { hint }),
      ...hintOnCertificate(cause, CASE_HINTS.answerCertificate),
      ...(waitMs !== undefined && { retryAfterMs: waitMs }),
    });
    this.verdict = verdict;
  }
}
