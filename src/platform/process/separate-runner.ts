import { type Partner, startPartner } from './partner.ts';
import type { CommandResult, CommandSpec, ProcessRunner } from './runner.ts';
import type { FromRunner, SentCommand, ToRunner } from './runner-messages.ts';
import { signalGroup } from './signal-group.ts';

/** It holds a few pieces of output of each command, no more: in MiB. */
const LARGEST_HEAP = 64;

interface Underway {
  /** Of the process group; undefined: it has not started. */
  pid: number | undefined;
  readonly spec: CommandSpec;
  readonly pieces: AsyncIterator<Buffer> | undefined;
  /** What the source of its input threw. */
  failure: { readonly error: unknown } | undefined;
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Starts processes from a small process of its own. To start one, the kernel copies the tables of all memory of the
 * process that starts it, and from then on each page that this one writes to is copied too (fork(2)): with 400 MB that
 * takes some 10 ms, stops all threads that need memory meanwhile, and a relay that starts many gets half as much done.
 * @param program the bundle of `runner-program.ts`
 */
export function createSeparateRunner(program: string): ProcessRunner {
  const runner = new SeparateRunner(program);
  return { run: async (spec) => await runner.run(spec), endAll: async () => await runner.endAll() };
}

class SeparateRunner {
  readonly #program: string;
  readonly #underway = new Map<number, Underway>();
  #partner: Partner | undefined;
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
        this.#underway.set(id, { spec, pid: undefined, pieces, failure: undefined, resolve, reject });
        this.#send({ kind: 'run', id, command: sentForm(spec) });
        spec.signal?.addEventListener('abort', onAbort, { once: true });
      });
    } finally {
      spec.signal?.removeEventListener('abort', onAbort);
      // As with an input that is read by the runner of this process: its source is released.
      this.#underway
        .get(id)
        ?.pieces?.return?.()
        ?.catch(() => undefined);
      this.#underway.delete(id);
    }
  }

  async endAll(): Promise<void> {
    if (!this.#partner) return;
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
      this.#send({ kind: 'end all' });
    });
  }

  #send(message: ToRunner): void {
    this.#running.send(message);
  }

  get #running(): Partner {
    if (this.#partner) return this.#partner;
    const partner: Partner = startPartner({
      program: this.#program,
      heapMiB: LARGEST_HEAP,
      onMessage: (message) => this.#take(message as FromRunner),
      onExit: () => this.#lose(partner),
    });
    this.#partner = partner;
    return partner;
  }

  /** The next command starts another one. */
  #lose(partner: Partner): void {
    if (this.#partner === partner) this.#partner = undefined;
    for (const { pid, reject } of this.#underway.values()) {
      signalGroup(pid, 'SIGKILL');
      reject(new Error('the process that starts processes has ended'));
    }
    this.#ended?.();
  }

  #take(message: FromRunner): void {
    if (message.kind === 'all ended') {
      this.#ended?.();
      return;
    }
    const one = this.#underway.get(message.id);
    if (!one) return;
    const { spec } = one;
    if (message.kind === 'started') one.pid = message.pid;
    else if (message.kind === 'stdout') spec.onStdout?.(message.text);
    else if (message.kind === 'stderr') spec.onStderr?.(message.text);
    else if (message.kind === 'chunk') void this.#takeChunk(message.id, spec, message.bytes);
    else if (message.kind === 'hungry') void this.#feed(message.id, one);
    else if (message.kind === 'done') one.resolve(message.result);
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
      const piece = next && next.done !== true ? next.value : undefined;
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

function sentForm(spec: CommandSpec): SentCommand {
  const { stdin, signal, onStart, onStdout, onStderr, stdoutSink, ...rest } = spec;
  let input: SentCommand['input'] = 'none';
  if (typeof stdin === 'string' || Buffer.isBuffer(stdin)) input = { whole: stdin };
  else if (stdin !== undefined) input = 'pieces';
  const wants = { sink: stdoutSink !== undefined, stdout: onStdout !== undefined, stderr: onStderr !== undefined };
  return { ...rest, input, wants, isAborted: signal?.aborted === true };
}
