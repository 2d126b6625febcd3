import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 20;

/** A client that uses the sample application all the time, over one kept-alive connection. */
export class Visitor {
  readonly #url: string;
  readonly #stop = new AbortController();
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  answered = 0;
  failed = 0;
  /** The last answer. */
  last = '';

  constructor(url: string) {
    this.#url = url;
  }

  start(): void {
    void this.#visit();
  }

  stop(): void {
    this.#stop.abort();
    this.#agent.destroy();
  }

  async #visit(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const text = await this.#ask();
      if (signal.aborted) return;
      if (text === undefined) this.failed += 1;
      else {
        this.answered += 1;
        this.last = text;
      }
      await delay(PAUSE_MS);
    }
  }

  #ask(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const request = http.get(this.#url, { agent: this.#agent }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.once('end', () => resolve(response.statusCode === 200 ? text.trim() : undefined));
        response.once('error', () => resolve(undefined));
      });
      request.once('error', () => resolve(undefined));
    });
  }
}
