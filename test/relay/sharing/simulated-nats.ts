import type { Bucket, Closing, Kept, Watcher, Wire } from '../../../src/relay/sharing/bucket.ts';
import type { Dice } from '../../kit/random.ts';

interface Watch {
  readonly prefix: string;
  readonly watcher: Watcher<Kept>;
  /** What has not arrived yet, in its order. */
  queue: (() => void)[];
}

type Answer = (question: Uint8Array) => Promise<Uint8Array>;

/** How one relay reaches the bucket and the others. */
export class SimulatedLink {
  readonly bucket: Bucket;
  readonly wire: Wire;
  readonly watches = new Set<Watch>();
  readonly listeners = new Map<string, (message: Uint8Array) => void>();
  readonly answers = new Map<string, Answer>();
  messages: (() => void)[] = [];
  #isConnected = true;
  isClosed = false;

  constructor(nats: SimulatedNats) {
    const reach = (): void => {
      if (!this.isConnected) throw new Error('unreachable');
    };
    this.bucket = {
      largest: 1300,
      read: async (key) => {
        reach();
        return nats.values.get(key);
      },
      write: async (key, value, after) => {
        reach();
        return nats.write(key, value, after);
      },
      remove: async (key) => {
        reach();
        nats.values.delete(key);
      },
      keys: async (prefix) => {
        reach();
        return [...nats.values.keys()].filter((key) => key.startsWith(`${prefix}.`));
      },
      watch: (prefix, watcher) => {
        const watch: Watch = { prefix, watcher, queue: [] };
        this.watches.add(watch);
        if (this.isConnected) nats.begin(watch);
        return { close: () => void this.watches.delete(watch) };
      },
    };
    const link = this;
    this.wire = {
      largest: 1500,
      get isConnected() {
        return link.isConnected;
      },
      send: (topic, message) => nats.send(topic, message),
      listen: (topic, take): Closing => {
        this.listeners.set(topic, take);
        return { close: () => void this.listeners.delete(topic) };
      },
      ask: async (topic, question) => {
        reach();
        return await nats.ask(topic, question);
      },
      answer: (topic, take): Closing => {
        this.answers.set(topic, take);
        return { close: () => void this.answers.delete(topic) };
      },
    };
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.isClosed;
  }

  /** While it is cut off, nothing comes; afterwards everything comes again. */
  connect(nats: SimulatedNats, isConnected: boolean): void {
    if (this.#isConnected === isConnected) return;
    this.#isConnected = isConnected;
    this.messages = [];
    for (const watch of this.watches) {
      watch.queue = [];
      if (isConnected) nats.begin(watch);
    }
  }
}

/** A NATS whose answers get lost and come late, and whose messages get lost, as dice say. */
export class SimulatedNats {
  readonly values = new Map<string, Kept>();
  readonly links = new Set<SimulatedLink>();
  /** From now on nothing is lost. */
  isCalm = false;
  onWrite: (key: string, value: Uint8Array) => void = () => undefined;
  readonly #dice: Dice;
  #revision = 0;
  #late: (() => void)[] = [];

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  link(): SimulatedLink {
    const link = new SimulatedLink(this);
    this.links.add(link);
    return link;
  }

  write(key: string, value: Uint8Array, after: number): number | undefined {
    const roll = this.isCalm ? 100 : this.#dice.below(100);
    if (roll < 3) throw new Error('the request got lost');
    if (roll < 6) {
      this.#late.push(() => void this.#apply(key, value, after));
      throw new Error('the request is late');
    }
    const revision = this.#apply(key, value, after);
    if (roll < 9) throw new Error('the answer got lost');
    return revision;
  }

  #apply(key: string, value: Uint8Array, after: number): number | undefined {
    if ((this.values.get(key)?.revision ?? 0) !== after) return undefined;
    this.#revision += 1;
    const kept = { value, revision: this.#revision };
    this.values.set(key, kept);
    this.onWrite(key, value);
    for (const link of this.links)
      for (const watch of link.isConnected ? link.watches : [])
        if (key.startsWith(`${watch.prefix}.`)) watch.queue.push(() => watch.watcher.take(kept));
    return this.#revision;
  }

  begin({ prefix, watcher, queue }: Watch): void {
    queue.push(() => watcher.begin());
    for (const [key, kept] of this.values) if (key.startsWith(`${prefix}.`)) queue.push(() => watcher.take(kept));
    queue.push(() => watcher.loaded());
  }

  send(topic: string, message: Uint8Array): void {
    for (const link of this.links) {
      if (!link.isConnected || (!this.isCalm && this.#dice.chance(0.1))) continue;
      link.messages.push(() => link.listeners.get(topic)?.(message));
    }
  }

  async ask(topic: string, question: Uint8Array): Promise<Uint8Array> {
    const answers = [...this.links]
      .filter(({ isConnected }) => isConnected)
      .flatMap((link) => link.answers.get(topic) ?? []);
    const [first] = answers;
    if (!first || (!this.isCalm && this.#dice.chance(0.2))) throw new Error('nobody answered');
    const answer = await first(question);
    if (!this.isCalm && this.#dice.chance(0.1)) throw new Error('the answer got lost');
    return answer;
  }

  /** Some of what is on its way arrives; all of it when nothing goes wrong any more. */
  arrive(): void {
    const some = (queue: (() => void)[]): void => {
      const many = this.isCalm || this.#dice.chance(0.7) ? queue.length : this.#dice.below(queue.length + 1);
      for (const take of queue.splice(0, many)) take();
    };
    if (this.isCalm || this.#dice.chance(0.3)) for (const apply of this.#late.splice(0)) apply();
    for (const link of this.links) {
      some(link.messages);
      for (const watch of link.watches) some(watch.queue);
    }
  }
}
