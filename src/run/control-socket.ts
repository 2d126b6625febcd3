import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { messageOf, SidecarError } from '../model/error.ts';
import type { Logger } from '../platform/log.ts';

const NAME = 'control.sock';
const LONGEST_REQUEST = 1024;

interface Answer {
  readonly id?: string;
  readonly error?: string;
}

/**
 * Takes orders from `git-sidecar rollback`: a line of JSON each way. Every user who may enter the state directory may
 * give them.
 */
export class ControlSocket {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /**
   * In a state directory that no other run uses: what is left of a socket there is nobody's.
   * @param rollBack gives the commit that runs now
   */
  static async listen(
    stateDir: string,
    rollBack: (to: string | undefined) => Promise<string>,
    log: Logger,
  ): Promise<ControlSocket> {
    const path = join(stateDir, NAME);
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      void serve(socket, rollBack);
    });
    await rm(path, { force: true });
    await new Promise<void>((resolve) => {
      server.once('error', (error) => {
        log.warn('git-sidecar rollback will not work', { reason: error.message });
        resolve();
      });
      server.listen(path, resolve);
    });
    return new ControlSocket(server);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Everything up to the first line end, or as much as an order may be long. */
function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n') || text.length > LONGEST_REQUEST) resolve(text);
    });
    socket.once('end', () => resolve(text));
    socket.once('close', () => resolve(text));
  });
}

async function serve(socket: Socket, rollBack: (to: string | undefined) => Promise<string>): Promise<void> {
  const text = await readLine(socket);
  const answer = await (async (): Promise<Answer> => {
    try {
      const { rollback } = JSON.parse(text) as { rollback?: { to?: string } };
      if (!rollback) return { error: 'this is no order' };
      return { id: await rollBack(rollback.to) };
    } catch (error) {
      return { error: error instanceof SidecarError ? `${error.code}: ${error.detail}` : messageOf(error) };
    }
  })();
  socket.end(`${JSON.stringify(answer)}\n`);
}

/**
 * Orders the run that keeps its state in `stateDir` to go back.
 * @returns the commit that runs now
 * @throws SidecarError ERR_RUN_ROLLBACK
 */
export async function orderRollback(stateDir: string, to: string | undefined): Promise<string> {
  const refuse = (detail: string, cause?: unknown): SidecarError =>
    new SidecarError('ERR_RUN_ROLLBACK', { op: 'roll back', target: stateDir, detail, cause });
  const socket = connect(join(stateDir, NAME));
  socket.write(`${JSON.stringify({ rollback: { to } })}\n`);
  let text = '';
  try {
    for await (const chunk of socket) text += String(chunk);
  } catch (error) {
    throw refuse('no run is at work with this state directory', error);
  }
  const { id, error } = (text === '' ? {} : JSON.parse(text)) as Answer;
  if (id === undefined) throw refuse(error ?? 'there was no answer');
  return id;
}
