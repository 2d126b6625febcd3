import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/log.ts';

/** A name of a relay's process that no other one has, and that says when it began. */
export function nameOfRelay(host: string, pid: number, clock: Clock): string {
  return `${host}-${pid}-${clock.now().toString(36)}`;
}

function startOf(name: string): number {
  return Number.parseInt(name.slice(name.lastIndexOf('-') + 1), 36);
}

/** Warnings of one process. */
const MOST = 20;

/**
 * Notices another relay that decides about rollouts behind the same name, where neither knows of the other. One that
 * began before this one may have been its predecessor; one that began later is another one.
 */
export class OtherDeciders {
  readonly #relay: string;
  readonly #log: Logger;
  readonly #known = new Set<string>();

  /** @param relay {@link nameOfRelay} of this one */
  constructor(relay: string, log: Logger) {
    this.#relay = relay;
    this.#log = log;
  }

  /** @param name of the relay that released a ref to an instance, before the instance came here */
  note(name: string | undefined): void {
    if (name === undefined || name === this.#relay || this.#known.has(name) || this.#known.size >= MOST) return;
    if (!(startOf(name) > startOf(this.#relay))) return;
    this.#known.add(name);
    const hint = 'give all of them --nats, so that they decide as one, or --rollouts to one of them only';
    this.#log.warn('another relay behind the same name decides about rollouts too', { relay: name, hint });
  }
}
