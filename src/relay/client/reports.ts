import { randomUUID } from 'node:crypto';
import type { InstanceLabels } from '../../model/instance-label.ts';
import type { Revision } from '../../model/revision.ts';
import type { Clock } from '../../platform/clock.ts';
import { deadline } from '../../platform/deadline.ts';
import { readBody } from '../../platform/http-body.ts';
import { type HttpAccess, HttpConnection } from '../../platform/http-connection.ts';
import type { Logger } from '../../platform/log.ts';
import { visibleText } from '../../platform/visible-text.ts';
import type { RunFacts } from '../../service/publisher.ts';
import { LONGEST_REASON, type Report, type ReportedFailure, writeReport } from '../protocol/report.ts';
import { relayRefusal, relayUnreachable } from './relay-failure.ts';

/** Never ends in the middle of a character. */
function shortened(text: string): string {
  return text.slice(0, LONGEST_REASON).replace(/[\ud800-\udbff]$/, '');
}

export interface ReportsOptions {
  /** The relay, without a trailing slash. */
  readonly url: string;
  readonly instance: string;
  /** What the instance is, for the policies of the relay. */
  readonly labels?: InstanceLabels;
  readonly settings: HttpAccess;
  readonly token: () => Promise<string | undefined>;
  readonly clock: Clock;
  readonly log: Logger;
  /** For tests: how long one report may take, in milliseconds. */
  readonly timeoutMs?: number;
}

/** Behind one name there may be several relays, and only one of them holds our stream. */
const MOST_TRIES = 6;
const TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Reports to the relay what is published and what is running. A report that cannot be sent is sent again, or comes with
 * the next stream.
 */
export class Reports {
  readonly #options: ReportsOptions;
  readonly #stopping = new AbortController();
  #report: Report;
  /** What `run` could not bring to life, and for what the exechook failed. */
  #failedRun: ReportedFailure | undefined;
  #failedHook: ReportedFailure | undefined;
  #sending: Promise<void> | undefined;
  #isDue = false;
  #reconnect: () => void = () => undefined;

  constructor(options: ReportsOptions) {
    this.#options = options;
    const { instance, labels = {} } = options;
    const nothing = { published: undefined, running: undefined, failed: undefined };
    this.#report = { stream: randomUUID(), replaces: undefined, instance, labels, ...nothing };
  }

  /** What to do when no relay that we reach knows our stream. */
  onMisdirected(reconnect: () => void): void {
    this.#reconnect = reconnect;
  }

  /**
   * The report as a header for a new stream, which gets a new name.
   * @param releasedBy the relay of the stream before, if it released refs
   */
  forNewStream(releasedBy: string | undefined): string {
    this.#report = { ...this.#report, stream: randomUUID(), replaces: this.#report.stream, releasedBy };
    this.#isDue = false;
    return writeReport(this.#report);
  }

  published({ ref, oid }: Revision): void {
    if (this.#report.published?.oid === oid && this.#report.published.ref === ref) return;
    this.#set({ published: { ref, oid, at: this.#options.clock.now() } });
  }

  /** What became of revisions of `ref`. */
  run(ref: string, { running, failed }: RunFacts): void {
    const { running: before } = this.#report;
    const at = this.#options.clock.now();
    const isSame = before?.oid === running && this.#failedRun?.oid === failed?.oid;
    if (isSame) return;
    this.#failedRun = this.#failureOf(this.#failedRun, failed && { ref, ...failed });
    this.#set({
      running: running && (before?.oid === running ? before : { ref, oid: running, at }),
      failed: this.#failedRun ?? this.#failedHook,
    });
  }

  /** For what the exechook failed; undefined since it succeeded. */
  hook(failed: (Revision & { readonly reason: string }) | undefined): void {
    if (this.#failedHook?.oid === failed?.oid) return;
    this.#failedHook = this.#failureOf(this.#failedHook, failed);
    this.#set({ failed: this.#failedRun ?? this.#failedHook });
  }

  close(): void {
    this.#stopping.abort();
  }

  #failureOf(
    before: ReportedFailure | undefined,
    failed: (Pick<Revision, 'oid'> & { readonly ref: string; readonly reason: string }) | undefined,
  ): ReportedFailure | undefined {
    if (!failed || before?.oid === failed.oid) return failed && before;
    const { ref, oid } = failed;
    return { ref, oid, at: this.#options.clock.now(), reason: shortened(visibleText(failed.reason)) || 'failed' };
  }

  #set(change: Partial<Report>): void {
    this.#report = { ...this.#report, ...change };
    this.#isDue = true;
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Until it was taken, or a new stream has brought it: a stage of a rollout may wait for it. */
  async #send(): Promise<void> {
    const { log, url, clock } = this.#options;
    for (let failures = 0; this.#isDue && !this.#stopping.signal.aborted; ) {
      this.#isDue = false;
      try {
        await this.#post();
        failures = 0;
      } catch (error) {
        const failure = relayUnreachable(error, { op: 'report to', relay: url });
        log.info(2, 'the relay did not take the report', { code: failure.code, reason: failure.message });
        this.#isDue = true;
        await clock.sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures), this.#stopping.signal);
        failures += 1;
      }
    }
  }

  async #post(): Promise<void> {
    const { url, settings, token, timeoutMs = TIMEOUT_MS } = this.#options;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const secret = await token();
      const connection = new HttpConnection(settings);
      const limit = deadline(this.#stopping.signal, timeoutMs);
      const headers = {
        'content-type': 'application/json',
        ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
      };
      const body = Buffer.from(writeReport(this.#report));
      try {
        const answer = await connection.ask({
          method: 'POST',
          url: new URL(`${url}/reports`),
          headers,
          body,
          signal: limit.signal,
        });
        const said = await readBody(answer);
        const { statusCode: status = 0 } = answer;
        const text = said.toString().trim().slice(0, 500);
        if (status === 400) this.#options.log.warn('the relay does not take the report', { reason: text });
        else if (status >= 300 && status !== 421) throw relayRefusal(status, text, { op: 'report to', relay: url });
        if (status !== 421) return;
      } finally {
        limit.dispose();
        connection.close();
      }
    }
    this.#reconnect();
  }
}
