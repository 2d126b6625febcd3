import { Worker } from 'node:worker_threads';
import type { CommandResult, CommandSpec, ProcessRunner } from './process.ts';
import type { FromRunner, SentCommand, ToRunner } from './runner-messages.ts';

/** Memory for what is short-lived: every byte that a process writes comes through it. */
const YOUNG_MIB = 8;

interface Underway {
  readonly spec: CommandSpec;
  readonly pieces: AsyncIterator<Buffer> | undefined;
  /** What the source of its input threw. */
  failure: { readonly error: unknown } | undefined;
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Starts processes in a thread of its own. Starting a process stops its thread until the kernel has copied the tables
 * of all its memory and the new program runs: some 10 ms, and far more on a busy machine. A relay that serves thousands
 * of clients must not stop for so long.
 * @param program the bundle of `runner-thread.ts`
 */
export function createThreadedRunner(program: string): ProcessRunner {
  const thread = new RunnerThread(program);
  return { run: async (spec) => await thread.run(spec), endAll: async () => await thread.endAll() };
}

class RunnerThread {
  readonly #program: string;
  readonly #underway = new Map<number, Underway>();
  #worker: Worker | undefined;
  #lastId = 0;
  #ended: (() => void) | undefined;

  constructor(program: string) {
    this.#program = program;
  }

  async run(spec: CommandSpec): Promise<CommandResult> {
    this.#lastId += 1;
    const id = this.#lastId;
    const onAbort = (): void => this.#send({ kind: 'abort', id });
    try {
      return await new Promise((resolve, reject) => {
        const pieces = isPieces(spec.stdin) ? spec.stdin[Symbol.asyncIterator]() : undefined;
        this.#underway.set(id, { spec, pieces, failure: undefined, resolve, reject });
        this.#send({ kind: 'run', id, command: sentForm(spec) });
        spec.signal?.addEventListener('abort', onAbort, { once: true });
      });
    } finally {
      spec.signal?.removeEventListener('abort', onAbort);
      // As with an input that is read in this thread: its source is released.
      this.#underway
        .get(id)
        ?.pieces?.return?.()
        ?.catch(() => undefined);
      this.#underway.delete(id);
    }
  }

  async endAll(): Promise<void> {
    if (!this.#worker) return;
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
      this.#send({ kind: 'end all' });
    });
  }

  #send(message: ToRunner): void {
    this.#thread.postMessage(message);
  }

  get #thread(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(this.#program, { env: {}, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } });
    // It may not keep a process that has nothing else to do.
    worker.unref();
    worker.on('message', (message: FromRunner) => this.#take(message));
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const { reject } of this.#underway.values()) reject(new Error('the thread that starts processes has ended'));
      this.#ended?.();
    });
    this.#worker = worker;
    return worker;
  }

  #take(message: FromRunner): void {
    if (message.kind === 'all ended') {
      this.#ended?.();
      return;
    }
    const one = this.#underway.get(message.id);
    if (!one) return;
    const { spec } = one;
    if (message.kind === 'stdout') spec.onStdout?.(message.text);
    else if (message.kind === 'stderr') spec.onStderr?.(message.text);
    else if (message.kind === 'chunk') void this.#takeChunk(message.id, spec, bufferOf(message.bytes));
    else if (message.kind === 'hungry') void this.#feed(message.id, one);
    else if (message.kind === 'done') one.resolve({ ...message.result, stdout: bufferOf(message.result.stdout) });
    else if (message.kind === 'failed')
      one.reject(one.failure ? one.failure.error : Object.assign(new Error(message.message), { code: message.code }));
  }

  async #takeChunk(id: number, spec: CommandSpec, chunk: Buffer): Promise<void> {
    const isEnough = await spec.stdoutSink?.(chunk).then(
      () => false,
      () => true,
    );
    this.#send({ kind: 'taken', id, isEnough: isEnough === true });
  }

  async #feed(id: number, one: Underway): Promise<void> {
    try {
      const next = await one.pieces?.next();
      const piece = next && next.done !== true ? new Uint8Array(next.value) : undefined;
      this.#send({ kind: 'input', id, piece, hasFailed: false });
    } catch (error) {
      one.failure = { error };
      this.#send({ kind: 'input', id, piece: undefined, hasFailed: true });
    }
  }
}

function isPieces(stdin: CommandSpec['stdin']): stdin is AsyncIterable<Buffer> {
  return typeof stdin === 'object' && !Buffer.isBuffer(stdin);
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function sentForm(spec: CommandSpec): SentCommand {
  const { stdin, signal, onStdout, onStderr, stdoutSink, ...rest } = spec;
  let input: SentCommand['input'] = 'none';
  if (typeof stdin === 'string') input = { whole: stdin };
  else if (Buffer.isBuffer(stdin)) input = { whole: new Uint8Array(stdin) };
  else if (stdin !== undefined) input = 'pieces';
  const wants = { sink: stdoutSink !== undefined, stdout: onStdout !== undefined, stderr: onStderr !== undefined };
  return { ...rest, input, wants, isAborted: signal?.aborted === true };
}
