import { readFile } from 'node:fs/promises';
import { messageOf } from '../../model/error.ts';
import type { Clock } from '../clock.ts';
import type { HttpClient } from '../http-client.ts';
import type { Logger } from '../log.ts';
import type { Redactor } from '../redact.ts';
import { splitUserinfo } from '../url-userinfo.ts';
import { VERSION } from '../version.ts';
import { otlpRequest, type Resource } from './otlp.ts';
import type { Span } from './span.ts';

export interface TracerOptions {
  /** Of a collector, without `/v1/traces`; may hold a user and a password. */
  readonly endpoint: string;
  /** Lines `NAME: VALUE`, read for each request. */
  readonly headersFile: string | undefined;
  readonly resource: Resource;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly redactor: Redactor;
}

/** Answers after which another attempt can succeed: the file of headers may hold another token by then. */
const PASSING: readonly number[] = [401, 403, 408, 429];
/** Spans come in groups. */
const COLLECT_MS = 1000;
/** Spans that wait while the collector is gone; the oldest make room. */
const MOST_WAITING = 2048;
const MOST_AT_ONCE = 512;
const ANSWER_MS = 10_000;
const LONGEST_PAUSE_MS = 60_000;
/** What is sent at the end may take this long. */
const LAST_MS = 300;
/** An error can hold the output of a program. */
const MOST_ERROR = 500;

/** Sends spans to a collector of OpenTelemetry. No method throws, and none waits for the collector but {@link close}. */
export class Tracer {
  readonly #options: TracerOptions;
  readonly #stopping = new AbortController();
  #waiting: Span[] = [];
  #sending: Promise<void> | undefined;
  #failures = 0;
  #dropped = 0;
  /** That the collector refuses spans was logged. */
  #isRefused = false;

  constructor(options: TracerOptions) {
    this.#options = options;
  }

  record(spans: readonly Span[]): void {
    const { redactor } = this.#options;
    const shown = (text: string | undefined): string | undefined =>
      text === undefined ? undefined : redactor.redact(text).slice(0, MOST_ERROR);
    for (const span of spans) {
      const attributes = redactor.redactAll(span.attributes) as Span['attributes'];
      this.#waiting.push({ ...span, attributes, error: shown(span.error) });
    }
    const over = this.#waiting.length - MOST_WAITING;
    if (over > 0) {
      this.#dropped += over;
      this.#waiting.splice(0, over);
    }
    if (!this.#stopping.signal.aborted) this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
  }

  /** Sends what waits, if the collector takes it soon. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#sending;
    if (this.#waiting.length > 0 && this.#failures === 0) await this.#send(AbortSignal.timeout(LAST_MS));
  }

  async #sendAll(): Promise<void> {
    const { signal } = this.#stopping;
    const { clock } = this.#options;
    while (this.#waiting.length > 0 && !signal.aborted) {
      const pauseMs = Math.min(LONGEST_PAUSE_MS, COLLECT_MS * 2 ** this.#failures);
      await clock.sleep(pauseMs, signal);
      if (!signal.aborted) await this.#send(AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]));
    }
  }

  async #send(signal: AbortSignal): Promise<void> {
    const { endpoint, http, resource, log } = this.#options;
    const batch = this.#waiting.slice(0, MOST_AT_ONCE);
    try {
      const { url, headers: login } = splitUserinfo(`${endpoint.replace(/\/+$/, '')}/v1/traces`);
      const headers = { ...login, 'content-type': 'application/json', ...(await this.#headers()) };
      const body = Buffer.from(JSON.stringify(otlpRequest(batch, resource, VERSION)));
      const { status } = await http.ask({ method: 'POST', url, headers, body, signal });
      // What the collector does not understand it does not understand the next time either.
      const isLost = status >= 400 && status < 500 && !PASSING.includes(status);
      if (!isLost && status >= 300) throw new Error(`the collector answered ${status}`);
      this.#waiting = this.#waiting.filter((span) => !batch.includes(span));
      if (isLost && !this.#isRefused) log.warn('the collector refuses spans; they are dropped', { status });
      this.#isRefused = isLost;
      if (isLost) this.#dropped += batch.length;
      else if (this.#failures > 0) log.info(0, 'spans are sent again', { dropped: this.#dropped });
      this.#failures = 0;
      if (!isLost) this.#dropped = 0;
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      if (this.#failures === 0) log.warn('spans cannot be sent; they wait', { reason: messageOf(error) });
      this.#failures += 1;
    }
  }

  async #headers(): Promise<Record<string, string>> {
    const { headersFile, redactor } = this.#options;
    if (headersFile === undefined) return {};
    const lines = (await readFile(headersFile, 'utf8')).split('\n');
    const pairs = lines.flatMap((line) => {
      const [, name = '', value = ''] = /^([\w-]+)\s*:\s*(\S.*?)\s*$/.exec(line) ?? [];
      if (value !== '') redactor.addRenewed(value);
      return name === '' ? [] : [[name.toLowerCase(), value] as const];
    });
    return Object.fromEntries(pairs);
  }
}
