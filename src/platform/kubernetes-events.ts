import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../model/error.ts';
import { settledWithin } from './bounded.ts';
import type { Clock } from './clock.ts';
import { HttpClient } from './http-client.ts';
import type { Logger } from './log.ts';
import { RateLimit } from './rate-limit.ts';
import type { Redactor } from './redact.ts';

export interface KubernetesEvent {
  /** `Warning`: a person should look. */
  readonly type: 'Normal' | 'Warning';
  /** One word in CamelCase, such as `Published`. */
  readonly reason: string;
  /** What was done or tried, one word. */
  readonly action: string;
  /** For a person. */
  readonly note: string;
}

export interface KubernetesEventsOptions {
  /** `https://HOST:PORT` of the API server. */
  readonly server: string;
  /** With `token`, `ca.crt` and `namespace`, as Kubernetes mounts it into a Pod. */
  readonly account: string;
  /** The Pod that events are about. Without its UID `kubectl describe pod` does not list them. */
  readonly pod: { readonly name: string; readonly uid: string | undefined };
  readonly clock: Clock;
  readonly log: Logger;
  readonly redactor: Redactor;
}

/** The API server refuses more. */
const MOST_NOTE_BYTES = 1024;
const ANSWER_MS = 5000;
/** So many may come together, and then one every ten seconds: the API server is for others too. */
const [AT_ONCE, EVERY_MS] = [10, 10_000];
const MOST_WAITING = 20;
const LAST_MS = 300;

function shortened(note: string): string {
  const bytes = Buffer.from(note);
  return bytes.length <= MOST_NOTE_BYTES ? note : `${bytes.subarray(0, MOST_NOTE_BYTES - 8).toString()}…`;
}

/**
 * Writes events about this Pod (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/), one at
 * a time. No method throws. Where the service account may not, this is logged once, and it is not tried again.
 */
export class KubernetesEvents {
  readonly #options: KubernetesEventsOptions;
  readonly #limit: RateLimit;
  readonly #stopping = new AbortController();
  #waiting: KubernetesEvent[] = [];
  #sending: Promise<void> | undefined;
  #isForbidden = false;
  #hasFailed = false;

  constructor(options: KubernetesEventsOptions) {
    this.#options = options;
    this.#limit = new RateLimit(options.clock, AT_ONCE, 1000 / EVERY_MS);
  }

  record(event: KubernetesEvent): void {
    if (this.#isForbidden || this.#stopping.signal.aborted) return;
    if (!this.#limit.take() || this.#waiting.length >= MOST_WAITING) return;
    this.#waiting.push(event);
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  /** What waits has a moment to be written: a sync that runs once ends right after its publish. */
  async close(): Promise<void> {
    if (this.#sending) await settledWithin(this.#sending, LAST_MS);
    this.#stopping.abort();
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next && !this.#isForbidden; next = this.#waiting.shift())
      await this.#send(next);
  }

  async #send(event: KubernetesEvent): Promise<void> {
    const { account, server, log } = this.#options;
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(ANSWER_MS)]);
    try {
      // The kubelet renews the token, and the client trusts the cluster's authority alone.
      const [token, namespace] = await Promise.all(
        ['token', 'namespace'].map(async (name) => (await readFile(join(account, name), 'utf8')).trim()),
      );
      this.#options.redactor.addRenewed(token);
      const http = new HttpClient({ SSL_CERT_FILE: join(account, 'ca.crt') });
      const { status } = await http.ask({
        method: 'POST',
        url: new URL(`${server}/apis/events.k8s.io/v1/namespaces/${namespace}/events`),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(this.#document(event, namespace ?? ''))),
        signal,
      });
      if (status === 401 || status === 403) {
        this.#isForbidden = true;
        const hint = 'let its Role create events in the API group events.k8s.io (docs/monitoring.md)';
        log.warn('the service account may not write events', { status, hint });
      } else if (status >= 300) throw new Error(`the API server answered ${status}`);
      else this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed && !this.#stopping.signal.aborted)
        log.warn('an event could not be written', { reason: messageOf(error) });
      this.#hasFailed = true;
    }
  }

  #document({ type, reason, action, note }: KubernetesEvent, namespace: string): object {
    const { pod, clock, redactor } = this.#options;
    // The API wants microseconds.
    const eventTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { generateName: 'git-sidecar-', namespace },
      ...{ eventTime, type, reason, action, note: shortened(redactor.redact(note)) },
      reportingController: 'git-sidecar',
      reportingInstance: pod.name,
      regarding: {
        ...{ apiVersion: 'v1', kind: 'Pod', namespace, name: pod.name },
        ...(pod.uid !== undefined && { uid: pod.uid }),
      },
    };
  }
}
