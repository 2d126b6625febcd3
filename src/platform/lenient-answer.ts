/** What comes before the body of an answer. */
export interface AnswerHead {
  readonly status: number;
  /** Names in lower case; of a header that comes twice the first value. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Longer heads are no answer. */
const MOST_HEAD_BYTES = 1024 * 1024;
/** No answer that is read whole is this large. */
const MOST_BODY_BYTES = 64 * 1024 * 1024;

/** How the end of a body is known (RFC 9112, 6.3). */
type Framing =
  | { readonly kind: 'length'; left: number }
  | { readonly kind: 'chunked'; left: number }
  | { readonly kind: 'close' };

/** Thrown for what is no HTTP answer. */
export class MalformedAnswer extends Error {
  override readonly name = 'MalformedAnswer';
}

/**
 * Reads an HTTP/1 answer as Go's client does, which git-sync asks with: lines end with LF, with or without CR; the
 * reason may be missing; headers may be folded. Small scripts answer so, and Node's own parser refuses them.
 * Bytes go in, no I/O.
 */
export class LenientAnswer {
  #rest: Buffer = Buffer.alloc(0);
  #head: AnswerHead | undefined;
  #framing: Framing | undefined;
  readonly #body: Buffer[] = [];
  #size = 0;
  #isComplete = false;
  readonly #hasNoBody: boolean;

  /** @param method of the question: the answer to HEAD has no body */
  constructor(method: string) {
    this.#hasNoBody = method === 'HEAD';
  }

  /** undefined until it is whole. */
  get head(): AnswerHead | undefined {
    return this.#head;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  get body(): Buffer {
    return Buffer.concat(this.#body);
  }

  /** @throws MalformedAnswer */
  push(chunk: Buffer): void {
    if (this.#isComplete) return;
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (!this.#framing) if (!this.#readHead()) return;
    this.#readBody(this.#framing);
  }

  /** The server has closed the connection, or cut it. @throws MalformedAnswer when more had to come */
  end(): void {
    if (!this.#head) throw new MalformedAnswer('the connection was closed before the answer was complete');
    // A script that does not read the question cuts the connection, which here is the end of its answer.
    if (this.#framing?.kind === 'close') this.#isComplete = true;
    if (!this.#isComplete) throw new MalformedAnswer('the connection was cut before the answer was complete');
  }

  /** @returns false when more has to come first */
  #readHead(): boolean {
    const end = endOfHead(this.#rest);
    if (end === undefined) {
      if (this.#rest.length > MOST_HEAD_BYTES) throw new MalformedAnswer('the head of the answer is too long');
      return false;
    }
    const head = parseHead(this.#rest.toString('latin1', 0, end));
    this.#rest = this.#rest.subarray(end);
    // An interim answer: another one follows (RFC 9110, 15.2).
    if (head.status >= 100 && head.status < 200 && head.status !== 101) return true;
    this.#head = head;
    this.#framing =
      this.#hasNoBody || [101, 204, 304].includes(head.status) ? { kind: 'length', left: 0 } : framingOf(head);
    return true;
  }

  #readBody(framing: Framing): void {
    if (framing.kind === 'chunked') while (this.#readChunk(framing));
    else this.#take(framing.kind === 'length' ? framing : { left: Number.POSITIVE_INFINITY });
    if (framing.kind === 'length' && framing.left === 0) this.#isComplete = true;
  }

  #take(wanted: { left: number }): void {
    const taken = this.#rest.subarray(0, wanted.left);
    this.#rest = this.#rest.subarray(taken.length);
    wanted.left -= taken.length;
    this.#size += taken.length;
    if (this.#size > MOST_BODY_BYTES) throw new MalformedAnswer(`the answer is longer than ${MOST_BODY_BYTES} bytes`);
    if (taken.length > 0) this.#body.push(taken);
  }

  /** One piece of a chunked body, or a part of it. @returns false when more has to come first, or nothing does */
  #readChunk(chunk: { left: number }): boolean {
    if (chunk.left > 0) this.#take(chunk);
    const end = this.#rest.indexOf('\n');
    if (chunk.left > 0 || end < 0) return false;
    const line = this.#rest.toString('latin1', 0, end).trim();
    this.#rest = this.#rest.subarray(end + 1);
    // The line end behind the piece before.
    if (line === '') return true;
    const size = /^([0-9a-f]{1,8})\s*(?:;.*)?$/i.exec(line)?.[1];
    if (size === undefined) throw new MalformedAnswer('the answer has a piece without a length');
    chunk.left = Number.parseInt(size, 16);
    if (chunk.left > 0) return true;
    // What may follow the last piece is not needed.
    this.#isComplete = true;
    return false;
  }
}

/** Where the body begins: behind the first empty line. */
function endOfHead(bytes: Buffer): number | undefined {
  for (let at = bytes.indexOf('\n'); at >= 0; at = bytes.indexOf('\n', at + 1)) {
    const next = bytes[at + 1] === 0x0d ? at + 2 : at + 1;
    if (bytes[next] === 0x0a) return next + 1;
  }
  return undefined;
}

/** The lines of a head; one that begins with a blank goes on with the line before. */
function unfold(text: string): string[] {
  const lines: string[] = [];
  for (const line of text.split('\n').map((each) => each.replace(/\r$/, ''))) {
    if (/^[ \t]/.test(line) && lines.length > 1) lines.push(`${lines.pop()} ${line.trim()}`);
    else lines.push(line);
  }
  return lines.filter((line) => line !== '');
}

function parseHead(text: string): AnswerHead {
  const [first = '', ...lines] = unfold(text);
  const status = /^HTTP\/\d\.\d +(\d{3})(?: .*)?$/.exec(first)?.[1];
  if (status === undefined) throw new MalformedAnswer(`the answer begins with ${JSON.stringify(first.slice(0, 60))}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 0)
      throw new MalformedAnswer(`a header of the answer has no colon: ${JSON.stringify(line.slice(0, 60))}`);
    const name = line.slice(0, colon).trim().toLowerCase();
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return { status: Number(status), headers };
}

function framingOf({ headers }: AnswerHead): Framing {
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return { kind: 'chunked', left: 0 };
  const length = headers.get('content-length');
  if (length === undefined) return { kind: 'close' };
  if (!/^\d{1,15}$/.test(length))
    throw new MalformedAnswer(`the answer has the length ${JSON.stringify(length.slice(0, 60))}`);
  return { kind: 'length', left: Number(length) };
}
