import type { IncomingMessage } from 'node:http';
import { CASE_HINTS } from '../model/case-hints.ts';
import { asSidecarError, type SidecarError } from '../model/error.ts';
import type { Tip } from '../poll/ref-source.ts';

/** The head of an answer of a git server. */
export interface Answer {
  readonly status: number;
  /** The question carried a user name and password. */
  readonly authorized: boolean;
  readonly location: string | undefined;
}

/** What came of the question where the ref is, asked as the product asks it. */
export class Asked {
  tip: Tip | undefined;
  error: SidecarError | undefined;
  readonly answers: Answer[] = [];
  /** Milliseconds that the clock of the server is ahead of ours. */
  aheadMs: number | undefined;
  /** Why git itself had to ask; undefined where it did not. */
  byGit: string | undefined;

  see({ statusCode = 0, headers: { date, location } }: IncomingMessage, authorized: boolean, now: number): void {
    this.answers.push({ status: statusCode, authorized, location });
    const ahead = Date.parse(date ?? '') - now;
    if (!Number.isNaN(ahead)) this.aheadMs = ahead;
  }

  /** Waits for the product's own question, and keeps what it says. */
  async take(question: Promise<Tip>): Promise<void> {
    try {
      this.tip = await question;
    } catch (error) {
      this.error = asSidecarError(error, 'ask');
    }
  }

  /** Which of the steps on the way the error is about; undefined without one. */
  get failedAt(): Step | undefined {
    const { error } = this;
    if (!error) return undefined;
    if (error.is('no-ref')) return 'ref';
    if (error.is('unknown-host')) return 'host key';
    if (error.is('refused')) return error.hint === CASE_HINTS.proxyRefused.hint ? 'answer' : 'credentials';
    if (error.is('no-repository')) return 'repository';
    return error.is('no-git') ? 'protocol' : 'answer';
  }
}

/** The steps of a question to a git server, in their order. */
export const STEPS = ['answer', 'host key', 'credentials', 'repository', 'protocol', 'ref'] as const;
export type Step = (typeof STEPS)[number];
