import type { Socket } from 'node:net';
import { systemCode } from '../model/error.ts';
import { type AnswerHead, LenientAnswer } from './lenient-answer.ts';
import { NoAnswer } from './no-answer.ts';
import { openSocket, proxyAuthorization } from './open-socket.ts';
import { loadSecureContext, type TlsAccess } from './secure-context.ts';

export interface OneQuestion {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Bounds everything, the body of the answer too. */
  readonly signal: AbortSignal;
  /** `head`: the body is not waited for. */
  readonly until: 'head' | 'body';
}

export interface OneAnswer extends AnswerHead {
  readonly body: Buffer;
}

/** Methods whose questions have no body, so that none need be announced (RFC 9110, 8.6). */
const WITHOUT_BODY = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'];

function writeHead({ method, url, headers, body }: OneQuestion, proxy: URL | undefined): string {
  const target = proxy && url.protocol === 'http:' ? `http://${url.host}` : '';
  const authorization = target === '' || !proxy ? undefined : proxyAuthorization(proxy);
  const all: Record<string, string> = {
    host: url.host,
    ...headers,
    ...((body || !WITHOUT_BODY.includes(method)) && { 'content-length': String(body?.length ?? 0) }),
    ...(authorization !== undefined && { 'proxy-authorization': authorization }),
    connection: 'close',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const text = [`${method} ${target}${url.pathname}${url.search} HTTP/1.1`, ...lines, '', ''];
  const broken = text.find((line) => /[\r\n]/.test(line));
  if (broken !== undefined) throw new Error('a header of the question holds a line end');
  return text.join('\r\n');
}

function readAnswer(socket: Socket, { method, until, signal }: OneQuestion): Promise<OneAnswer> {
  const answer = new LenientAnswer(method);
  return new Promise((resolve, reject) => {
    const finish = (step: () => void): void => {
      try {
        step();
        const { head } = answer;
        if (head && (until === 'head' || answer.isComplete)) resolve({ ...head, body: answer.body });
      } catch (error) {
        reject(error);
      }
    };
    socket.on('data', (chunk: Buffer) => finish(() => answer.push(chunk)));
    socket.once('end', () => finish(() => answer.end()));
    socket.once('error', (error) => {
      // A script that ends without reading the question cuts the connection behind its answer.
      if (answer.head && systemCode(error) === 'ECONNRESET') finish(() => answer.end());
      else reject(error);
    });
    const giveUp = (): void => reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    socket.once('close', () => {
      signal.removeEventListener('abort', giveUp);
      finish(() => answer.end());
    });
  });
}

/**
 * Asks once, on a connection of its own, and reads the answer as Go's client does (see {@link LenientAnswer}).
 * @throws NoAnswer
 */
export async function askOnce(
  question: OneQuestion,
  access: TlsAccess & { readonly proxy: string | undefined },
): Promise<OneAnswer> {
  const { url, signal } = question;
  let socket: Socket | undefined;
  try {
    const proxy = access.proxy === undefined ? undefined : new URL(access.proxy);
    const isSecure = [url, proxy].some((each) => each?.protocol === 'https:');
    const secureContext = isSecure ? await loadSecureContext(access) : undefined;
    const head = writeHead(question, proxy);
    socket = await openSocket({ url, proxy, secureContext, signal });
    const answer = readAnswer(socket, question);
    socket.write(head);
    if (question.body) socket.write(question.body);
    return await answer;
  } catch (cause) {
    throw new NoAnswer({ op: 'ask', target: url.origin, cause, isLate: signal.aborted });
  } finally {
    socket?.on('error', () => undefined);
    socket?.destroy();
  }
}
