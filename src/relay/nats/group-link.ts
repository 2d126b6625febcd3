import type { KV } from '@nats-io/kv';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { messageOf, SidecarError } from '../../model/error.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { Bucket, Closing, Kept, Watcher, Wire } from '../sharing/bucket.ts';
import { connectionOptions, type NatsAccess } from './connection.ts';
import { isOvertaken } from './overtaken.ts';
import { RETRY_MS, untilItWorks } from './until-it-works.ts';

export interface GroupLinkOptions extends NatsAccess {
  /** Relays of one group get each other's messages. */
  readonly group: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const BUCKET = 'git-sidecar-rollouts';
const TROUBLE = 'NATS cannot be used for rollouts; it is tried again';
/** Before a watch that ended is begun again. */
const PAUSE_MS = 100;
/** Of an answer of NATS. */
const ANSWER_MS = 5000;
/** Values and messages have headers, and subjects. */
const SPARE_BYTES = 16 * 1024;
const MOST_BYTES = 2 ** 20;

/** How relays that decide as one reach each other: a key-value bucket of JetStream, and messages. */
export class GroupLink implements Bucket, Wire {
  readonly #options: GroupLinkOptions;
  readonly #stopping = new AbortController();
  readonly #watches = new Set<() => void>();
  readonly #subscribers = new Set<(connection: NatsConnection) => void>();
  #connection: NatsConnection | undefined;
  #bucket: KV | undefined;

  constructor(options: GroupLinkOptions) {
    this.#options = options;
    void this.#connect();
  }

  get isConnected(): boolean {
    return this.#bucket !== undefined;
  }

  get largest(): number {
    return Math.min(MOST_BYTES, this.#connection?.info?.max_payload ?? MOST_BYTES) - SPARE_BYTES;
  }

  async read(key: string): Promise<Kept | undefined> {
    const entry = await this.#reach().get(key);
    return entry?.operation === 'PUT' ? { value: entry.value, revision: entry.revision } : undefined;
  }

  async write(key: string, value: Uint8Array, after: number): Promise<number | undefined> {
    const bucket = this.#reach();
    try {
      return await (after === 0 ? bucket.create(key, value) : bucket.update(key, value, after, ANSWER_MS));
    } catch (error) {
      if (isOvertaken(error)) return undefined;
      throw error;
    }
  }

  async remove(key: string): Promise<void> {
    await this.#reach().purge(key);
  }

  async keys(prefix: string): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const key of await this.#reach().keys(`${prefix}.>`)) found.push(key);
    return found;
  }

  watch(prefix: string, watcher: Watcher<Kept>): Closing {
    const { clock, log } = this.#options;
    const closing = new AbortController();
    const isOver = (): boolean => closing.signal.aborted || this.#stopping.signal.aborted;
    let stop: () => void = () => undefined;
    const restart = (): void => stop();
    this.#watches.add(restart);
    const follow = async (): Promise<void> => {
      while (!isOver()) {
        try {
          await this.#follow(prefix, watcher, (end) => {
            stop = end;
          });
          await clock.sleep(PAUSE_MS, closing.signal);
        } catch (error) {
          log.info(1, 'the decisions on NATS cannot be followed', { reason: messageOf(error) });
          await clock.sleep(RETRY_MS, closing.signal);
        }
      }
    };
    void follow();
    const close = (): void => {
      this.#watches.delete(restart);
      closing.abort();
      stop();
    };
    return { close };
  }

  send(topic: string, message: Uint8Array): void {
    // The client would keep it in memory until the connection is back.
    if (this.isConnected) this.#connection?.publish(this.#subject(topic), message);
  }

  listen(topic: string, take: (message: Uint8Array) => void): Closing {
    return this.#subscribe(topic, ({ data }) => take(data));
  }

  async ask(topic: string, question: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    this.#reach();
    const answer = await this.#connection?.request(this.#subject(topic), question, { timeout: timeoutMs });
    return answer?.data ?? new Uint8Array();
  }

  answer(topic: string, take: (question: Uint8Array) => Promise<Uint8Array>): Closing {
    return this.#subscribe(topic, (message) => {
      take(message.data).then(
        (answer) => void message.respond(answer),
        (error: unknown) => this.#options.log.error(error, 'a question of another relay cannot be answered'),
      );
    });
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#connection?.close().catch(() => undefined);
  }

  #subject(topic: string): string {
    return `git-sidecar.rollouts.${this.#options.group}.${topic}`;
  }

  #reach(): KV {
    if (this.#bucket) return this.#bucket;
    const { servers } = this.#options;
    throw new SidecarError('ERR_NATS', { op: 'use', target: servers.join(' '), detail: 'there is no connection' });
  }

  #subscribe(topic: string, take: (message: Msg) => void): Closing {
    let subscription: Subscription | undefined;
    const begin = (connection: NatsConnection): void => {
      subscription = connection.subscribe(this.#subject(topic), {
        callback: (error, message) => {
          if (!error) take(message);
        },
      });
    };
    // It survives an interruption of the connection.
    if (this.#connection) begin(this.#connection);
    else this.#subscribers.add(begin);
    const close = (): void => {
      this.#subscribers.delete(begin);
      subscription?.unsubscribe();
    };
    return { close };
  }

  async #follow(prefix: string, watcher: Watcher<Kept>, onBegin: (end: () => void) => void): Promise<void> {
    const bucket = this.#reach();
    const missing = new Set(await this.keys(prefix));
    const entries = await bucket.watch({ key: `${prefix}.>` });
    onBegin(() => entries.stop());
    watcher.begin();
    if (missing.size === 0) watcher.loaded();
    for await (const { key, operation, value, revision } of entries) {
      if (operation === 'PUT') watcher.take({ value, revision });
      if (missing.delete(key) && missing.size === 0) watcher.loaded();
    }
  }

  async #connect(): Promise<void> {
    const { servers, log } = this.#options;
    try {
      const { nats } = await import('./library.ts');
      const connection = await this.#untilItWorks(
        async () => await nats.connect(await connectionOptions(this.#options)),
      );
      const makeBucket = async (): Promise<KV> => await new nats.Kvm(connection).create(BUCKET, { history: 1 });
      this.#connection = connection;
      for (const begin of this.#subscribers) begin(connection);
      this.#subscribers.clear();
      this.#bucket = await this.#untilItWorks(makeBucket);
      for await (const { type } of connection.status()) {
        if (type === 'disconnect') this.#bucket = undefined;
        if (type !== 'reconnect') continue;
        // It may have come back without what it had.
        this.#bucket = await this.#untilItWorks(makeBucket);
        for (const restart of this.#watches) restart();
      }
    } catch (cause) {
      if (this.#stopping.signal.aborted) return;
      const facts = { op: 'use', target: servers.join(' '), detail: messageOf(cause), cause };
      log.error(new SidecarError('ERR_NATS', facts), 'relays of the group cannot be reached');
    }
  }

  /** @throws when we are closing */
  async #untilItWorks<T>(attempt: () => Promise<T>): Promise<T> {
    return await untilItWorks(attempt, { ...this.#options, signal: this.#stopping.signal, trouble: TROUBLE });
  }
}
