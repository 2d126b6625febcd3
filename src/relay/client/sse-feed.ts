import type { IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';
import { asSidecarError, SidecarError } from '../../model/error.ts';
import { isErrorCode } from '../../model/error-codes.ts';
import { settledWithin } from '../../platform/bounded.ts';
import type { Clock, Random } from '../../platform/clock.ts';
import { bodyOf, readBody } from '../../platform/http-body.ts';
import { type HttpAccess, HttpConnection } from '../../platform/http-connection.ts';
import type { Logger } from '../../platform/log.ts';
import { NoAnswer } from '../../platform/no-answer.ts';
import { readRetryAfter } from '../../remote/http-failure.ts';
import { applyChange, type RelayEvent, readEvent, TROUBLE_HEADER } from '../protocol/events.ts';
import { digestOf, type Refs } from '../protocol/refs.ts';
import { KEY_HEADER, REPORT_HEADER } from '../protocol/report.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import { SILENCE_MS } from '../protocol/timing.ts';
import { type WantedRefs, writeWanted } from '../protocol/wanted-refs.ts';
import type { RefFeed, Told } from './feed.ts';
import { relayRefusal, relayUnreachable } from './relay-failure.ts';

export interface SseFeedOptions {
  /** The relay, without a trailing slash. */
  readonly url: string;
  readonly repository: RepositoryName;
  readonly wanted: WantedRefs;
  readonly settings: HttpAccess;
  readonly token: () => Promise<string | undefined>;
  /** What only we know: the relay takes reports on the stream from nobody else. */
  readonly key?: string | undefined;
  /**
   * What we say of ourselves when a stream is opened, as a header; undefined: nothing.
   * @param releasedBy the name of the relay that we followed before, if it released refs by a policy
   */
  readonly report: (releasedBy: string | undefined) => string | undefined;
  /**
   * The relay has taken the stream.
   * @param refusal why it has not taken what we said of ourselves; undefined: it has
   */
  readonly onOpened?: (refusal: string | undefined) => void;
  readonly agent: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** For tests: silence after which a stream is dead, in milliseconds. */
  readonly silenceMs?: number;
  /** For tests: how long the head of an answer may take, in milliseconds. */
  readonly answerMs?: number;
}

/**
 * The longest pause before a stream that broke is opened again, at first and after a long time: a whole fleet comes
 * back spread over it. In between it is as long as the relay has been unreachable, so that no subscriber waits much
 * longer than that.
 */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** From the first packet to the head of the answer: a relay sends it at once, and a busy one a little later. */
const ANSWER_MS = 15_000;
/** Of one event, in bytes: the refs of a large repository, as JSON. */
const LARGEST_EVENT = 64 * 1024 * 1024;

/** Follows a relay's event stream, and opens it again whenever it breaks. */
export class SseFeed implements RefFeed {
  readonly #options: SseFeedOptions;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<() => void>();
  /** What the present stream says. */
  #heard: { readonly id: string; readonly refs: Refs } | undefined;
  /** What the present stream says is used. */
  #isTakenOver = false;
  /** The answer that is used. */
  #told: Told | undefined;
  /** When it came, on the monotonic clock. */
  #changedAt = 0;
  #lastId: string | undefined;
  /** The name of the relay that we follow, or followed. */
  #relay: string | undefined;
  #isConnected = false;
  #trouble: RefFeed['trouble'];
  #failures = 0;
  /** On the monotonic clock; of use only after a failure. */
  #awaySince = 0;
  /** What the relay said when it ended the stream. */
  #ended: RefFeed['trouble'];
  #stream: AbortController | undefined;
  #retryAfterMs = 0;

  constructor(options: SseFeedOptions) {
    this.#options = options;
    void this.#run();
  }

  get told(): Told | undefined {
    return this.#told;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  get trouble(): RefFeed['trouble'] {
    return this.#trouble;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Opens the stream anew, perhaps to another relay behind the same name. */
  reconnect(): void {
    this.#stream?.abort();
  }

  close(): void {
    this.#stopping.abort();
    this.#stream?.abort();
  }

  async #run(): Promise<void> {
    const { clock, random, log, url } = this.#options;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#follow();
        this.#set(this.#ended ?? { code: 'ERR_RELAY_UNREACHABLE', detail: 'the relay ended the stream' });
      } catch (failure) {
        const error = asSidecarError(failure, 'follow the relay');
        if (this.#stopping.signal.aborted) return;
        if (this.#failures === 0) this.#awaySince = clock.monotonic();
        this.#failures += 1;
        const reason = `${error.code}: ${error.detail}`;
        if (this.#failures === 1) log.warn('the relay cannot be followed', { relay: url, reason, hint: error.hint });
        else log.info(2, 'the relay cannot be followed', { relay: url, reason, failures: this.#failures });
        this.#set({ code: error.code, detail: error.detail });
      }
      const awayMs = this.#failures === 0 ? 0 : clock.monotonic() - this.#awaySince;
      const longest = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, awayMs));
      await clock.sleep(this.#retryAfterMs + random() * longest, this.#stopping.signal);
    }
  }

  #set(trouble: RefFeed['trouble']): void {
    this.#isConnected = false;
    this.#trouble = trouble;
    this.#notify();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** One stream, from request to end. */
  async #follow(): Promise<void> {
    const { settings } = this.#options;
    this.#stream = new AbortController();
    this.#heard = undefined;
    this.#isTakenOver = false;
    this.#ended = undefined;
    this.#retryAfterMs = 0;
    const connection = new HttpConnection(settings);
    try {
      await this.#read(await this.#open(connection, this.#stream.signal));
    } finally {
      this.#stream.abort();
      connection.close();
    }
  }

  async #open(connection: HttpConnection, signal: AbortSignal): Promise<IncomingMessage> {
    const { url, repository, wanted, token, key, report, agent, clock, answerMs = ANSWER_MS } = this.#options;
    const target = new URL(`${url}/events`);
    target.searchParams.set('repo', repository);
    writeWanted(target.searchParams, wanted);
    const isReleased = [...(this.#told?.refs.values() ?? [])].some((ref) => ref.isReleased === true);
    const [secret, told] = [await token(), report(isReleased ? this.#relay : undefined)];
    const headers = {
      accept: 'text/event-stream',
      'user-agent': agent,
      ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
      ...(this.#lastId !== undefined && { 'last-event-id': this.#lastId }),
      ...(told !== undefined && { [REPORT_HEADER]: told }),
      ...(key !== undefined && { [KEY_HEADER]: key }),
    };
    const attempt = { op: 'follow', relay: url };
    const unreachable = (cause: unknown): never => {
      throw relayUnreachable(cause, attempt);
    };
    const asking = connection.ask({ method: 'GET', url: target, headers, signal });
    if (!(await settledWithin(asking, answerMs))) this.#stream?.abort();
    const answer = await asking.catch(unreachable);
    this.#retryAfterMs = readRetryAfter(answer.headers['retry-after'], clock.now()) ?? 0;
    const type = answer.headers['content-type'] ?? '';
    if (answer.statusCode === 200 && type.startsWith('text/event-stream')) {
      const said = answer.headers[REPORT_HEADER];
      this.#options.onOpened?.(typeof said === 'string' ? said : undefined);
      return answer;
    }
    const text = (await readBody(answer).catch(unreachable)).toString('utf8', 0, 200).trim();
    const isUnknown = answer.statusCode === 400 && wanted.newest !== undefined;
    if (isUnknown)
      throw new SidecarError('ERR_RELAY_OLD', { op: 'follow', target: url, detail: `status 400: ${text}` });
    const refusal = relayRefusal(answer.statusCode ?? 0, text, attempt);
    const said = answer.headers[TROUBLE_HEADER];
    throw isErrorCode(said) ? new SidecarError(said, { op: 'follow', target: url, detail: refusal.detail }) : refusal;
  }

  async #read(answer: IncomingMessage): Promise<void> {
    let unread = 0;
    const parser = createParser({
      onEvent: ({ event, id, data }) => {
        unread = 0;
        const read = readEvent(event, id, data);
        if (read) this.#take(read);
      },
      // What is not understood is left out, as the specification of event streams wants it.
      onError: () => undefined,
    });
    const { silenceMs = SILENCE_MS } = this.#options;
    const decoder = new TextDecoder();
    try {
      for await (const chunk of bodyOf(answer, silenceMs)) {
        unread += chunk.length;
        if (unread > LARGEST_EVENT) throw tooLarge();
        parser.feed(decoder.decode(chunk, { stream: true }));
      }
    } catch (cause) {
      if (cause instanceof SidecarError && !(cause instanceof NoAnswer)) throw cause;
      const detail = `the stream broke off: ${asSidecarError(cause, 'follow').detail}`;
      throw new SidecarError('ERR_RELAY_UNREACHABLE', { op: 'follow', target: this.#options.url, detail, cause });
    }
  }

  #take(event: RelayEvent): void {
    const { log, url, repository } = this.#options;
    if (event.kind === 'end') {
      this.#ended = { code: event.code, detail: event.detail };
      log.info(0, 'the relay ended the stream', { relay: url, repository, reason: event.code });
      return;
    }
    if (event.kind === 'trouble') {
      this.#trouble = event;
      log.warn('the relay cannot ask the git server', { relay: url, repository, reason: event.code });
      this.#notify();
      return;
    }
    if (!this.#isConnected) log.info(0, 'following the relay', { relay: url, repository });
    this.#isConnected = true;
    this.#failures = 0;
    const detail = 'the relay cannot ask the git server';
    const code = event.kind === 'beat' ? event.trouble : undefined;
    this.#trouble = code === undefined ? undefined : { code, detail };
    if (event.kind !== 'change' && event.relay !== '') this.#relay = event.relay;
    if (event.kind === 'refs') this.#heard = { id: event.id, refs: event.refs };
    else if (event.kind === 'change' && this.#heard)
      this.#heard = { id: event.id, refs: applyChange(this.#heard.refs, event) };
    else if (event.kind === 'change') {
      // A change of refs that this relay has not sent before: it cannot be used.
      this.reconnect();
      return;
    }
    if (event.ageMs !== undefined) this.#judge(event.ageMs);
    this.#notify();
  }

  /**
   * Takes over what this relay says, if it knows at least as much as those before it: with several behind one name, the
   * one that we reach may be behind. It must have asked the git server after the last change that we know. From then on
   * what it sends is newer than what it sent before: a release or a way back has nothing to do with the git server.
   */
  #judge(ageMs: number): void {
    const { clock } = this.#options;
    const told = this.#told;
    const now = clock.monotonic();
    // A relay that knew what we know says nothing of it when we come.
    const heard = this.#heard ?? (told && { id: digestOf(told.refs), refs: told.refs });
    if (!heard) return;
    const isSame = told !== undefined && digestOf(told.refs) === heard.id;
    if (told && !isSame && !this.#isTakenOver && now - ageMs < this.#changedAt) return;
    this.#isTakenOver = true;
    if (!isSame) this.#changedAt = now;
    this.#heard = heard;
    this.#lastId = heard.id;
    this.#told = { refs: isSame ? told.refs : heard.refs, asOf: clock.now() - ageMs, ageMs };
  }
}

function tooLarge(): SidecarError {
  const detail = `an event is longer than ${LARGEST_EVENT} bytes`;
  return new SidecarError('ERR_REMOTE_TOO_LARGE', { op: 'follow the relay', detail });
}
