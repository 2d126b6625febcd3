import { randomUUID } from 'node:crypto';
import type { InstanceLabels } from '../../model/instance-label.ts';
import type { Revision } from '../../model/revision.ts';
import type { Clock } from '../../platform/clock.ts';
import { deadline } from '../../platform/deadline.ts';
import { readBody } from '../../platform/http-body.ts';
import { type HttpAccess, HttpConnection } from '../../platform/http-connection.ts';
import type { Logger } from '../../platform/log.ts';
import { RateLimit } from '../../platform/rate-limit.ts';
import type { RunFacts } from '../../service/publisher.ts';
import { KEY_HEADER, type Report, type ReportedFailure, withoutOutput, writeReport } from '../protocol/report.ts';
import { reportedOutput, reportedProcess, reportedReason } from './process-report.ts';
import { relayRefusal, relayUnreachable } from './relay-failure.ts';

export interface ReportsOptions {
  /** The relay, without a trailing slash. */
  readonly url: string;
  readonly instance: string;
  /** What the instance is, for the policies of the relay. */
  readonly labels?: InstanceLabels;
  readonly settings: HttpAccess;
  readonly token: () => Promise<string | undefined>;
  /** Shown with each report: it is the one with which the stream was opened. */
  readonly key?: string | undefined;
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
/** So many reports at once, and then one a second, however often a process ends. The newest is what is sent. */
const MOST_AT_ONCE = 5;
const EACH_SECOND = 1;

interface Failed {
  readonly ref: string;
  readonly oid: Revision['oid'];
  readonly reason: string;
  readonly output?: readonly string[];
}

/**
 * Reports to the relay what is published and what is running. A report that cannot be sent is sent again, or comes with
 * the next stream.
 */
export class Reports {
  readonly #options: ReportsOptions;
  readonly #stopping = new AbortController();
  readonly #pace: RateLimit;
  #report: Report;
  /** What `run` could not bring to life, and for what the exechook failed. */
  #failedRun: ReportedFailure | undefined;
  #failedHook: ReportedFailure | undefined;
  #run: RunFacts | undefined;
  #sending: Promise<void> | undefined;
  #isDue = false;
  /** A relay has taken the stream that the report names. */
  #isOpen = false;
  #reconnect: () => void = () => undefined;

  constructor(options: ReportsOptions) {
    this.#options = options;
    const { instance, labels = {} } = options;
    this.#pace = new RateLimit(options.clock, MOST_AT_ONCE, EACH_SECOND);
    const nothing = { published: undefined, running: undefined, failed: undefined };
    this.#report = { stream: randomUUID(), replaces: undefined, instance, labels, ...nothing };
  }

  /** What to do when no relay that we reach knows our stream. */
  onMisdirected(reconnect: () => void): void {
    this.#reconnect = reconnect;
  }

  /**
   * The report as a header for a new stream, which gets a new name. What processes wrote would be long for a header; it
   * follows when the stream is open.
   * @param releasedBy the relay of the stream before, if it released refs
   */
  forNewStream(releasedBy: string | undefined): string {
    this.#report = { ...this.#report, stream: randomUUID(), replaces: this.#report.stream, releasedBy };
    const { failed, process } = this.#report;
    this.#isDue = failed?.output !== undefined || process?.output !== undefined;
    this.#isOpen = false;
    return writeReport(withoutOutput(this.#report));
  }

  /**
   * A relay has taken the new stream.
   * @param refusal why it has not taken the report: then it takes none on this stream
   */
  opened(refusal?: string): void {
    if (refusal !== undefined) this.#options.log.warn('the relay does not take the report', { reason: refusal });
    this.#isOpen = refusal === undefined;
    this.#sendSoon();
  }

  published({ ref, oid }: Revision): void {
    if (this.#report.published?.oid === oid && this.#report.published.ref === ref) return;
    const published = { ref, oid, at: this.#options.clock.now() };
    this.#set({ published, ...(this.#run && this.#runOn(ref, this.#run)) });
  }

  /**
   * What became of revisions, and of the process.
   * @param ref that they are of, as far as it is known: the name of the one that is published takes its place
   */
  run(ref: string, facts: RunFacts): void {
    this.#run = facts;
    this.#set(this.#runOn(this.#report.published?.ref ?? ref, facts));
  }

  #runOn(ref: string, { running, failed, process }: RunFacts): Partial<Report> {
    const { running: before, process: processBefore } = this.#report;
    const at = this.#options.clock.now();
    this.#failedRun = this.#failureOf(this.#failedRun, failed && { ref, ...failed });
    return {
      running: running && { ref, oid: running, at: before?.oid === running ? before.at : at },
      failed: this.#failedRun ?? this.#failedHook,
      process: reportedProcess(processBefore, ref, process, at),
    };
  }

  /** For what the exechook failed; undefined since it succeeded. */
  hook(failed: (Revision & { readonly reason: string }) | undefined): void {
    this.#failedHook = this.#failureOf(this.#failedHook, failed);
    this.#set({ failed: this.#failedRun ?? this.#failedHook });
  }

  /** Resolves when no report is being sent. */
  async sent(): Promise<void> {
    await this.#sending;
  }

  close(): void {
    this.#stopping.abort();
  }

  /** The same failure again stays the one that it was. */
  #failureOf(before: ReportedFailure | undefined, failed: Failed | undefined): ReportedFailure | undefined {
    if (!failed) return undefined;
    const { ref, oid } = failed;
    const reason = reportedReason(failed.reason) || 'failed';
    if (before?.oid === oid && before.reason === reason) return { ...before, ref };
    const output = reportedOutput(failed.output ?? []);
    return { ref, oid, at: this.#options.clock.now(), reason, ...(output && { output }) };
  }

  /** What changes nothing is not sent. */
  #set(change: Partial<Report>): void {
    const before = this.#report;
    this.#report = { ...before, ...change };
    if (JSON.stringify(before) === JSON.stringify(this.#report)) return;
    this.#isDue = true;
    this.#sendSoon();
  }

  /** While no relay has the stream there is nobody to send it to: the next stream brings it along. */
  #sendSoon(): void {
    if (!this.#isDue || !this.#isOpen) return;
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Until it was taken, or a new stream has brought it: a stage of a rollout may wait for it. */
  async #send(): Promise<void> {
    const { log, url, clock } = this.#options;
    const { signal } = this.#stopping;
    for (let failures = 0; this.#isDue && this.#isOpen && !signal.aborted; ) {
      if (!this.#pace.take()) {
        await clock.sleep(this.#pace.waitMs, signal);
        continue;
      }
      this.#isDue = false;
      try {
        await this.#post();
        failures = 0;
      } catch (error) {
        const failure = relayUnreachable(error, { op: 'report to', relay: url });
        log.info(2, 'the relay did not take the report', { code: failure.code, reason: failure.message });
        this.#isDue = true;
        await clock.sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures), signal);
        failures += 1;
      }
    }
  }

  async #post(): Promise<void> {
    const { url, settings, token, key, timeoutMs = TIMEOUT_MS } = this.#options;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const secret = await token();
      const connection = new HttpConnection(settings);
      const limit = deadline(this.#stopping.signal, timeoutMs);
      const headers = {
        'content-type': 'application/json',
        ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
        ...(key !== undefined && { [KEY_HEADER]: key }),
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
