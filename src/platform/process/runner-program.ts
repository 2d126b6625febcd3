// The process that starts processes, see separate-runner.ts.
import { messageOf, systemCode } from '../../model/error.ts';
import { createProcessRunner } from './runner.ts';
import type { FromRunner, SentCommand, ToRunner } from './runner-messages.ts';

/** A callback in the other process that has to answer before we continue. */
type Waiter<T> = (answer: T) => void;

interface Underway {
  readonly abort: AbortController;
  taken: Waiter<boolean> | undefined;
  input: Waiter<Extract<ToRunner, { kind: 'input' }>> | undefined;
}

const runner = createProcessRunner();
const underway = new Map<number, Underway>();

/** What is not sent has nobody who waits for it: the other process is gone. */
function send(message: FromRunner): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

async function* piecesOf(id: number, state: Underway): AsyncGenerator<Buffer> {
  for (;;) {
    const answer = new Promise<Extract<ToRunner, { kind: 'input' }>>((resolve) => {
      state.input = resolve;
    });
    send({ kind: 'hungry', id });
    const { piece, hasFailed } = await answer;
    if (hasFailed) throw new Error('its input failed');
    if (!piece) return;
    yield piece;
  }
}

/** Sends one chunk, and waits until the other process has taken it: git writes no faster than the reader reads. */
async function sendChunk(id: number, state: Underway, chunk: Buffer): Promise<void> {
  const answer = new Promise<boolean>((resolve) => {
    state.taken = resolve;
  });
  send({ kind: 'chunk', id, bytes: chunk });
  if (await answer) throw new Error('nothing more of it is wanted');
}

async function run(id: number, { input, wants, isAborted, ...spec }: SentCommand): Promise<void> {
  const state: Underway = { abort: new AbortController(), taken: undefined, input: undefined };
  underway.set(id, state);
  if (isAborted) state.abort.abort();
  const stdin = typeof input === 'object' ? input.whole : undefined;
  try {
    const result = await runner.run({
      ...spec,
      signal: state.abort.signal,
      onStart: (pid) => send({ kind: 'started', id, pid }),
      ...(stdin !== undefined && { stdin }),
      ...(input === 'pieces' && { stdin: piecesOf(id, state) }),
      ...(wants.sink && { stdoutSink: async (chunk: Buffer) => await sendChunk(id, state, chunk) }),
      ...(wants.stdout && { onStdout: (text: string) => send({ kind: 'stdout', id, text }) }),
      ...(wants.stderr && { onStderr: (text: string) => send({ kind: 'stderr', id, text }) }),
    });
    send({ kind: 'done', id, result });
  } catch (error) {
    send({ kind: 'failed', id, message: messageOf(error), code: systemCode(error) });
  } finally {
    underway.delete(id);
  }
}

process.on('message', (message: ToRunner) => {
  if (message.kind === 'run') void run(message.id, message.command);
  else if (message.kind === 'end all') void runner.endAll().then(() => send({ kind: 'all ended' }));
  else if (message.kind === 'abort') underway.get(message.id)?.abort.abort();
  else if (message.kind === 'taken') underway.get(message.id)?.taken?.(message.isEnough);
  else underway.get(message.id)?.input?.(message);
});
// Nobody is left who could take anything.
process.once('disconnect', () => void runner.endAll());
// The process that we work for decides when we end, also where all processes of a service get a signal.
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined);
