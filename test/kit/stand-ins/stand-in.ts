import { httpStub, type Request } from '../http-stub.ts';
import type { SelfSigned } from '../self-signed.ts';

/** What a stand-in answers. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A server that stands in for one that is on the Internet: it checks requests as the documentation of that says. */
export interface StandIn {
  readonly url: string;
  /** Every request, those that were refused too. */
  readonly requests: readonly Request[];
  /** The next requests are answered with these instead. */
  readonly interrupt: (...replies: Reply[]) => void;
  /** While it is set, every request is answered with it. */
  outage: Reply | undefined;
}

export function jsonBody(request: Request): Record<string, unknown> {
  const { 'content-type': type = '' } = request.headers;
  if (!/^application\/(?:[\w.-]+\+)?json\b/.test(type)) throw new Invalid(415, `content-type is ${type}`);
  try {
    return JSON.parse(request.body) as Record<string, unknown>;
  } catch {
    throw new Invalid(400, 'Problems parsing JSON');
  }
}

/** What the documentation does not allow. */
export class Invalid extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function demand(isGood: boolean, status: number, message: string): void {
  if (!isGood) throw new Invalid(status, message);
}

/** @param answer throws {@link Invalid}, which is answered with its status and `{"message": …}` */
export async function standIn(answer: (request: Request) => Reply, tls?: SelfSigned): Promise<StandIn> {
  const waiting: Reply[] = [];
  const it: { outage: Reply | undefined } = { outage: undefined };
  const replyTo = (request: Request): Reply => {
    const instead = it.outage ?? waiting.shift();
    if (instead) return instead;
    try {
      return answer(request);
    } catch (error) {
      if (!(error instanceof Invalid)) throw error;
      return { status: error.status, body: { message: error.message } };
    }
  };
  const stub = await httpStub((request, response) => {
    const { status, headers = {}, body } = replyTo(request);
    const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
    const type = typeof body === 'string' ? 'text/plain' : 'application/json';
    response.writeHead(status, { 'content-type': type, ...headers }).end(text);
  }, tls);
  return Object.assign(it, {
    url: stub.url,
    requests: stub.requests,
    interrupt: (...replies: Reply[]) => void waiting.push(...replies),
  });
}

/** A secret that the stand-in wants, and that a test can replace. */
export interface Guarded {
  token: string;
}
