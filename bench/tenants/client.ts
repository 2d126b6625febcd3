import http from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Tally } from './attack.ts';
import type { Target } from './target.ts';

const PATIENCE_MS = 30_000;
export const PROTOCOL_V2 = {
  'git-protocol': 'version=2',
  'content-type': 'application/x-git-upload-pack-request',
} as const;

export interface Question {
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  /** In place of the tenant's own. */
  readonly token?: string;
}

/** One request on a connection of its own, whose answer is read and thrown away. @returns the status */
export async function ask(
  target: Target,
  tally: Tally,
  signal: AbortSignal,
  { path, method = 'GET', headers, body, token = target.token }: Question,
): Promise<number | undefined> {
  return await new Promise((resolve) => {
    let status: number | undefined;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    const done = (outcome: string | number): void => {
      if (!signal.aborted) tally.add(outcome);
      resolve(status);
    };
    const request = http.request(
      {
        host: '127.0.0.1',
        port: target.port,
        path,
        method,
        agent: false,
        signal: limit,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
      },
      (answer) => {
        status = answer.statusCode;
        answer.resume();
        answer.once('end', () => done(status ?? 0));
        answer.once('error', () => done(limit.aborted ? `${status} late` : `${status} closed`));
      },
    );
    request.once('error', () => done(limit.aborted ? 'late' : 'closed'));
    request.end(body);
  });
}

/** A connection that writes `bytes`; the other side's end of it ends it too. @returns when it is closed */
export async function hold(
  target: Target,
  signal: AbortSignal,
  bytes: Buffer | string,
  use: (socket: Socket) => void,
): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const socket = connect(target.port, '127.0.0.1');
    const end = (): void => void socket.destroy();
    signal.addEventListener('abort', end, { once: true });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      signal.removeEventListener('abort', end);
      resolve();
    });
    socket.write(bytes);
    use(socket);
  });
}

/** The head of a request, for {@link hold}. */
export function headOf(target: Target, line: string, headers: Record<string, string> = {}): string {
  const all = { host: 'relay', authorization: `Bearer ${target.token}`, ...headers };
  return `${line} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
}
