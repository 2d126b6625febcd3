import { type ClientRequest, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import type { Report } from '../../src/relay/protocol/report.ts';

export interface SimulatedInstance {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What it says when a commit comes; undefined: it publishes and runs it. */
  readonly fails?: (oid: string) => string | undefined;
  /** From the event to its report. */
  readonly delayMs: number;
}

export interface FleetOptions {
  /** Of the relay, without a slash at its end. */
  readonly url: string;
  readonly repository: string;
  readonly token: string;
  /** Called when an instance learns of a commit. */
  readonly onCommit?: (name: string, oid: string) => void;
}

interface RefEvent {
  readonly refs: Readonly<Record<string, { readonly oid: string; readonly peeled?: string } | null>>;
}

const REF = 'refs/heads/main';
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** Instances that are no processes: each holds a stream, and reports what a sidecar would report. */
export class SimulatedFleet {
  readonly #options: FleetOptions;
  readonly #streams: ClientRequest[] = [];
  #isOpen = true;
  /** Reports that the relay did not take at once. */
  refusals = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** @returns once the stream is open */
  async join(instance: SimulatedInstance): Promise<void> {
    const { url, repository, token } = this.#options;
    let report: Report = {
      ...{ stream: instance.name, replaces: undefined, instance: instance.name, labels: instance.labels },
      ...{ published: undefined, running: undefined, failed: undefined },
    };
    const follow = (oid: string): void => {
      this.#options.onCommit?.(instance.name, oid);
      const revision = { ref: REF, oid, at: Date.now() } as NonNullable<Report['published']>;
      const reason = instance.fails?.(oid);
      const run = reason === undefined ? { running: revision, failed: undefined } : { failed: { ...revision, reason } };
      report = { ...report, published: revision, ...run };
      setTimeout(() => void this.#send(() => report), instance.delayMs);
    };
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (event !== 'refs' && event !== 'change') return;
        const { refs } = JSON.parse(data) as RefEvent;
        const oid = refs[REF]?.oid;
        if (oid !== undefined) follow(oid);
      },
    });
    const query = new URLSearchParams({ repo: repository, ref: REF });
    const headers = { authorization: `Bearer ${token}`, 'git-sidecar-report': JSON.stringify(report) };
    await new Promise<void>((resolve, reject) => {
      const stream = request(`${url}/events?${query}`, { headers, agent: false }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`the relay answers ${response.statusCode}`));
        response.setEncoding('utf8').on('data', (text: string) => parser.feed(text));
        response.on('error', () => undefined);
        resolve();
      });
      stream.on('error', reject).end();
      this.#streams.push(stream);
    });
  }

  close(): void {
    this.#isOpen = false;
    for (const stream of this.#streams.splice(0)) stream.destroy();
  }

  /** Until the relay took it, as a sidecar does: a relay has no room for all reports of a large fleet at once. */
  async #send(report: () => Report): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; this.#isOpen; pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)) {
      if (await this.#post(report())) return;
      this.refusals += 1;
      await delay(pauseMs);
    }
  }

  /** @returns whether the relay took it */
  async #post(report: Report): Promise<boolean> {
    const { url, token } = this.#options;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return await new Promise<boolean>((resolve) => {
      const sent = request(`${url}/reports`, { method: 'POST', headers, agent: false }, (response) => {
        const isTaken = response.statusCode !== undefined && response.statusCode < 300;
        response.resume().once('close', () => resolve(isTaken));
      });
      sent.on('error', () => resolve(false)).end(JSON.stringify(report));
    });
  }
}
