import type { ChangeDocument } from '../browser/documents.ts';
import type { RelayOverview } from '../browser/overview.ts';
import { ask, Refused, readContents, readSession } from './api.ts';
import { readEvents } from './event-stream.ts';
import type { State } from './state.ts';

/** The relay sends something every 15 s. */
const SILENCE_MS = 40_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Keeps `state` like the relay is: by its stream, and while there is none by asking for everything, with growing pauses.
 */
export class Connection {
  readonly #state: State;
  /** Aborted when everything begins anew. */
  #current = new AbortController();
  #wake: () => void = () => undefined;

  constructor(state: State) {
    this.#state = state;
  }

  /** Begins anew: somebody logged in or out. */
  restart(): void {
    this.#current.abort();
    this.#wake();
  }

  /** Does not wait any longer: the network may be back. */
  hurry(): void {
    if (this.#state.session?.known !== false) this.#wake();
  }

  /** Never ends. */
  async run(): Promise<void> {
    for (let failures = 0; ; ) {
      this.#current = new AbortController();
      const startedAt = Date.now();
      const isStranger = await this.#live();
      if (this.#current.signal.aborted) failures = 0;
      else if (isStranger) await this.#pause(undefined);
      else {
        // A stream that was good for a while is opened again soon; one that always breaks is not.
        failures = Date.now() - startedAt > LONGEST_PAUSE_MS ? 1 : failures + 1;
        await this.#pause(
          Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)) * (0.75 + Math.random() / 2),
        );
      }
    }
  }

  /** @returns once the stream is over; true: nobody is logged in */
  async #live(): Promise<boolean> {
    const state = this.#state;
    try {
      const session = await readSession();
      state.update(() => {
        state.session = session;
        if (session.known) return;
        state.clear();
        state.link = 'starting';
      });
      if (!session.known) return true;
      await this.#follow(this.#current.signal);
    } catch (error) {
      if (!this.#current.signal.aborted && !(error instanceof Refused && error.status === 401)) await this.#fallBack();
    }
    return false;
  }

  /** Without the stream: what there is now, if the relay answers at all. */
  async #fallBack(): Promise<void> {
    const state = this.#state;
    const { signal } = this.#current;
    const note = (link: State['link'], trouble: string): void =>
      state.update(() => {
        state.link = link;
        state.trouble = trouble;
      });
    note('off', 'the connection to the relay is broken');
    try {
      const contents = await readContents();
      if (signal.aborted) return;
      state.update(() => {
        state.fill(contents);
        state.link = 'polling';
      });
    } catch (error) {
      if (!signal.aborted) note('off', error instanceof Refused ? error.message : 'the relay does not answer');
    }
  }

  /** @throws when the stream cannot be had, or breaks */
  async #follow(restarted: AbortSignal): Promise<void> {
    const state = this.#state;
    const broken = new AbortController();
    const stop = (): void => broken.abort();
    const response = await ask('fleet/events', { signal: AbortSignal.any([restarted, broken.signal]) });
    let waiting: ChangeDocument[] | undefined = [];
    let loading = Promise.resolve();
    const load = async (): Promise<void> => {
      waiting ??= [];
      const contents = await readContents();
      const since = waiting;
      waiting = undefined;
      if (restarted.aborted) return;
      state.update(() => {
        state.fill(contents);
        for (const change of since) state.apply(change);
        state.link = 'live';
      });
    };
    for await (const { kind, data } of readEvents(response, SILENCE_MS, stop)) {
      if (kind === 'hello' || kind === 'reset') loading = loading.then(load).catch(stop);
      else if (kind === 'change') {
        const change = data as ChangeDocument;
        if (waiting) waiting.push(change);
        else state.update(() => state.apply(change));
      } else if (kind === 'beat') {
        const { relay, asOf } = data as { relay: RelayOverview; asOf: Record<string, string> };
        state.update(() => state.beat(relay, asOf));
      } else if (kind === 'end') return;
    }
    throw new Error('the stream ended');
  }

  async #pause(ms: number | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
