import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { bounded, settledWithin } from '../bounded.ts';
import { monotonic } from '../clock.ts';

/** Keeps what comes on a stream, up to a limit. */
export class Capture {
  readonly #chunks: Buffer[] = [];
  #size = 0;
  readonly #limit: number;

  constructor(stream: Readable | null, limit: number, onChunk?: (chunk: string) => void) {
    this.#limit = limit;
    const decoder = new StringDecoder();
    stream?.on('data', (chunk: Buffer) => {
      onChunk?.(decoder.write(chunk));
      if (this.#size < this.#limit) this.#chunks.push(chunk.subarray(0, this.#limit - this.#size));
      this.#size += chunk.length;
    });
    stream?.on('error', () => undefined);
  }

  get truncated(): boolean {
    return this.#size > this.#limit;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** Hands a stream on to `sink`, at its pace. */
export class Drain {
  /** The sink has taken everything, or does not want more. */
  readonly done: Promise<void>;
  #isBusy = false;
  #quietSince = monotonic();

  constructor(stream: Readable | null, sink: (chunk: Buffer) => Promise<void>) {
    this.done = this.#run(stream, sink);
  }

  /**
   * Resolves when it is done, when nothing has come for `quietMs`, since another process holds the pipe open, or a
   * moment after `signal` fires: a sink may never come back.
   */
  async settled(quietMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await settledWithin(this.done, quietMs)) return;
      if (!this.#isBusy && monotonic() - this.#quietSince >= quietMs) return;
    }
  }

  async #run(stream: Readable | null, sink: (chunk: Buffer) => Promise<void>): Promise<void> {
    try {
      for await (const chunk of stream ?? []) {
        this.#isBusy = true;
        await sink(chunk as Buffer);
        this.#isBusy = false;
        this.#quietSince = monotonic();
      }
    } catch {
      // When a pipe breaks, the exit status shows it; a sink that fails reports it itself.
    }
  }
}

type Source = string | Buffer | AsyncIterable<Buffer>;

function drained(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stdin.off('drain', done).off('close', done);
      resolve();
    };
    stdin.on('drain', done).on('close', done);
  });
}

/**
 * Writes what a command is to read, until `stop` fires: the command has ended, and the source may never give its next
 * piece. The source is released in any case. When a command stops reading, this is no error here: its exit status shows
 * it.
 * @throws what the source throws
 */
export async function feed(stdin: Writable | null, source: Source | undefined, stop: AbortSignal): Promise<undefined> {
  if (source === undefined) return;
  stdin?.on('error', () => undefined);
  if (typeof source === 'string' || Buffer.isBuffer(source)) {
    stdin?.end(source);
    return;
  }
  const pieces = source[Symbol.asyncIterator]();
  try {
    while (stdin && !stdin.destroyed && !stop.aborted) {
      const piece = await bounded(pieces.next(), stop);
      if (piece.done === true) break;
      if (!stdin.write(piece.value) && !stdin.destroyed) await bounded(drained(stdin), stop);
    }
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    stdin?.end();
    // Not waited for: a generator ends only after the piece that it is waiting for itself.
    pieces.return?.()?.catch(() => undefined);
  }
}
