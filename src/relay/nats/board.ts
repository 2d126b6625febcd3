import type { KV, KvWatchEntry } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { messageOf, SidecarError } from '../../model/error.ts';
import type { Clock } from '../../platform/clock.ts';
import { filterInTurns } from '../../platform/in-turns.ts';
import type { Logger } from '../../platform/log.ts';
import { isSameRef, type Refs, refsFromJson, refsToJson } from '../protocol/refs.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import { connectionOptions, type NatsAccess } from './connection.ts';
import { keyOf, keysOf, refOfKey } from './key.ts';
import { NoteBook, type Noted, type Notes } from './notes.ts';
import { isOvertaken } from './overtaken.ts';
import { RETRY_MS, untilItWorks } from './until-it-works.ts';

export interface BoardOptions extends NatsAccess {
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the bucket says about one repository, as it changes. */
export interface Watch {
  /** As they are now. */
  readonly notes: Notes;
  close(): void;
}

const BUCKET = 'git-sidecar-refs';
const TROUBLE = 'NATS cannot be used; it is tried again';
/** Before a watch that ended is begun again. */
const PAUSE_MS = 100;

/**
 * A board on NATS where relays and sidecars of all clusters read which commit a ref is at: a JetStream key-value
 * bucket with a key a ref, the last value only.
 */
export class Board {
  readonly #options: BoardOptions;
  readonly #stopping = new AbortController();
  #connection: NatsConnection | undefined;
  #bucket: Promise<KV>;
  readonly #watches = new Set<() => void>();

  constructor(options: BoardOptions) {
    this.#options = options;
    this.#bucket = this.#open();
    this.#bucket.catch((cause: unknown) => {
      if (this.#stopping.signal.aborted) return;
      const facts = { op: 'load the client of NATS', detail: messageOf(cause), cause };
      options.log.error(new SidecarError('ERR_NATS', facts), 'NATS cannot be used');
    });
  }

  /** Follows what is noted for `repository`, through restarts of the server; begins with all that is there. */
  watch(repository: RepositoryName, onChange: (ref: string, noted: Noted) => void): Watch {
    const { clock, log } = this.#options;
    const book = new NoteBook();
    const closing = new AbortController();
    let stop: () => void = () => undefined;
    const restart = (): void => stop();
    this.#watches.add(restart);
    const follow = async (): Promise<void> => {
      while (!closing.signal.aborted && !this.#stopping.signal.aborted) {
        try {
          const entries = await (await this.#bucket).watch({ key: keysOf(repository) });
          stop = () => entries.stop();
          // The server sends everything again, and it may have lost notes.
          book.clear();
          for await (const entry of entries) {
            const [ref, noted] = read(entry);
            book.set(ref, noted);
            onChange(ref, noted);
          }
          await clock.sleep(PAUSE_MS, closing.signal);
        } catch (error) {
          log.info(1, 'NATS cannot be followed', { repository, reason: messageOf(error) });
          await clock.sleep(RETRY_MS, closing.signal);
        }
      }
    };
    void follow();
    return {
      get notes() {
        return book.notes;
      },
      close: () => {
        this.#watches.delete(restart);
        closing.abort();
        stop();
      },
    };
  }

  /**
   * Notes where refs are. `before` is what was noted when the git server was asked: where another relay has noted
   * something else since then, it asked later, and its note stays.
   */
  async note(repository: RepositoryName, refs: Refs, before: Notes): Promise<void> {
    const bucket = await this.#bucket;
    const moved = await filterInTurns(refs, ([name, ref]) => !isSameRef(before.get(name)?.ref, ref));
    const gone = await filterInTurns(before, ([name, { ref }]) => ref !== undefined && !refs.has(name));
    for (const [name, ref] of moved) {
      const noted = before.get(name);
      const record = JSON.stringify({ ...refsToJson(new Map([[name, ref]]))[name], at: this.#options.clock.now() });
      const key = keyOf(repository, name);
      await this.#unlessNewer(noted ? bucket.update(key, record, noted.revision) : bucket.create(key, record));
    }
    for (const [name, { revision }] of gone)
      await this.#unlessNewer(bucket.delete(keyOf(repository, name), { previousSeq: revision }));
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#connection?.close().catch(() => undefined);
  }

  /** Another relay may have noted something since. */
  async #unlessNewer(write: Promise<unknown>): Promise<void> {
    try {
      await write;
    } catch (error) {
      if (!isOvertaken(error)) throw error;
    }
  }

  async #open(): Promise<KV> {
    const { servers, log } = this.#options;
    const { nats } = await import('./library.ts');
    const connection = await this.#untilItWorks(async () => await nats.connect(await connectionOptions(this.#options)));
    this.#connection = connection;
    const makeBucket = async (): Promise<KV> => await new nats.Kvm(connection).create(BUCKET, { history: 1 });
    const bucket = await this.#untilItWorks(makeBucket);
    log.info(0, 'connected to NATS', { servers: servers.join(' '), version: connection.info?.version });
    void this.#watchConnection(connection, makeBucket);
    return bucket;
  }

  /** @throws when we are closing */
  async #untilItWorks<T>(attempt: () => Promise<T>): Promise<T> {
    return await untilItWorks(attempt, { ...this.#options, signal: this.#stopping.signal, trouble: TROUBLE });
  }

  async #watchConnection(connection: NatsConnection, makeBucket: () => Promise<KV>): Promise<void> {
    const { log } = this.#options;
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') {
        log.warn('NATS is unreachable; polls continue');
      } else if (type === 'reconnect') {
        log.info(0, 'NATS is back');
        // It may have come back without what it had.
        this.#bucket = this.#untilItWorks(makeBucket);
        this.#bucket.catch(() => undefined);
        for (const restart of this.#watches) restart();
      }
    }
  }
}

function read(entry: KvWatchEntry): [string, Noted] {
  const name = refOfKey(entry.key);
  const { revision } = entry;
  if (entry.operation !== 'PUT') return [name, { ref: undefined, revision }];
  try {
    const refs = refsFromJson({ [name]: JSON.parse(entry.string()) });
    return [name, { ref: refs?.get(name), revision }];
  } catch {
    return [name, { ref: undefined, revision }];
  }
}
