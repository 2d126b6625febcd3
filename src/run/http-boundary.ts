/**
 * Follows one direction of an HTTP/1.1 connection closely enough to know when a message is complete (RFC 9112, 6). It
 * reads the head of a message and counts the bytes of its body; once it is not sure about something, it stays unsure
 * for ever.
 */
export class MessageTracker {
  readonly #kind: 'request' | 'response';
  #state: 'head' | 'body' | 'chunk-size' | 'chunk' | 'trailer' | 'lost' = 'head';
  #text = '';
  #left = 0;
  #isLast = false;
  /** An answer behind which the server closes has come, and it is whole. */
  isFinished = false;
  /** Messages that came to their end. */
  completed = 0;
  /** Methods of requests whose answers are still to come; for responses, filled from the other direction. */
  readonly methods: string[] = [];

  constructor(kind: 'request' | 'response') {
    this.#kind = kind;
  }

  /** It is no longer known where messages end: an upgrade, a body until close, another protocol. */
  get isLost(): boolean {
    return this.#isLast || this.#state === 'lost';
  }

  /** The last byte that was seen ended a message. */
  get isBetween(): boolean {
    return this.#state === 'head' && this.#text === '';
  }

  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#state !== 'lost') {
      if (this.#state === 'body' || this.#state === 'chunk') {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        at += taken;
        if (this.#left > 0) continue;
        if (this.#state === 'chunk') this.#state = 'chunk-size';
        else this.#complete();
      } else at = this.#readLine(chunk, at);
    }
  }

  /** Heads and chunk sizes are lines; gives where to go on. */
  #readLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(0x0a, at);
    this.#text += chunk.toString('latin1', at, end < 0 ? chunk.length : end + 1);
    if (this.#text.length > LONGEST_HEAD) this.#state = 'lost';
    if (end < 0) return chunk.length;
    if (this.#state === 'head') {
      if (!/^\r?\n$/.test(this.#text) && !/\n\r?\n$/.test(this.#text)) return end + 1;
      const head = this.#text;
      this.#text = '';
      // Empty lines before a request are allowed (RFC 9112, 2.2).
      if (head.trim() !== '') this.#readHead(head);
      return end + 1;
    }
    const line = this.#text.trim();
    this.#text = '';
    if (this.#state === 'trailer') {
      if (line === '') this.#complete();
      return end + 1;
    }
    // The line end behind a chunk's data.
    if (line === '') return end + 1;
    const size = /^[0-9a-f]+/i.exec(line)?.[0];
    if (size === undefined) this.#state = 'lost';
    else {
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'chunk';
    }
    return end + 1;
  }

  #readHead(head: string): void {
    const [first = '', ...lines] = head.split(/\r?\n/);
    const header = (name: string): string | undefined => {
      const values = lines
        .filter((line) => line.slice(0, line.indexOf(':')).trim().toLowerCase() === name)
        .map((line) =>
          line
            .slice(line.indexOf(':') + 1)
            .trim()
            .toLowerCase(),
        );
      return values.length === 0 ? undefined : values.join(',');
    };
    const length = header('content-length');
    const chunked = /(?:^|,)\s*chunked$/.test(header('transfer-encoding') ?? '');
    if (this.#kind === 'request') {
      const method = /^([A-Z]+) \S+ HTTP\/1\.[01]$/.exec(first)?.[1];
      if (method === undefined || method === 'CONNECT' || header('upgrade') !== undefined) {
        this.#state = 'lost';
        return;
      }
      this.methods.push(method);
      this.#expect(chunked, length ?? '0');
      return;
    }
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1]);
    if (Number.isNaN(status) || status === 101) {
      this.#state = 'lost';
      return;
    }
    if (status < 200) return;
    const method = this.methods.shift();
    this.#isLast = header('connection')?.includes('close') ?? false;
    if (method === 'HEAD' || status === 204 || status === 304) this.#complete();
    else this.#expect(chunked, length);
  }

  #expect(chunked: boolean, length: string | undefined): void {
    if (chunked) this.#state = 'chunk-size';
    else if (length === undefined || !/^\d+$/.test(length)) this.#state = 'lost';
    else if (length === '0') this.#complete();
    else {
      this.#left = Number(length);
      this.#state = 'body';
    }
  }

  #complete(): void {
    this.#state = 'head';
    this.#text = '';
    if (this.#isLast) {
      this.#state = 'lost';
      this.isFinished = true;
    } else this.completed += 1;
  }
}

/** Longer than any head that servers take; what goes on longer is another protocol. */
const LONGEST_HEAD = 256 * 1024;
