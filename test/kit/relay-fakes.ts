import type { ServerResponse } from 'node:http';
import type { SidecarError } from '../../src/model/error.ts';
import type { Oid } from '../../src/model/oid.ts';
import type { AdvertisedRef } from '../../src/model/ref.ts';
import type { Refs } from '../../src/relay/protocol/refs.ts';
import { parseRepositoryName, type RepositoryName } from '../../src/relay/protocol/repository-name.ts';
import type { Follower } from '../../src/relay/server/mirror/follower.ts';
import type { HandClock } from './hand-clock.ts';

export const REPOSITORY = parseRepositoryName('h.example/team/app.git') as RepositoryName;
export const oid = (digit: string): Oid => digit.repeat(40) as Oid;
export const at = (name: string, digit: string): AdvertisedRef => ({ name, oid: oid(digit) });
export const refsOf = (...refs: AdvertisedRef[]): Refs => new Map(refs.map((ref) => [ref.name, ref]));

/** What hub and fleet see of a follower. */
interface FakeFollower {
  refs: Refs;
  isKnown: boolean;
  asOf: number;
  trouble: SidecarError | undefined;
}

export function fakeFollower(clock: HandClock, refs: Refs): FakeFollower & Follower {
  return {
    upstream: { name: REPOSITORY },
    refs,
    isKnown: true,
    asOf: clock.now(),
    trouble: undefined,
    refused: new Map(),
  } as never;
}

/** A stream that a test reads, and that may stop taking. */
export class FakeStream {
  text = '';
  writableLength = 0;
  destroyed = false;
  isStuck = false;
  /** The relay closed it in a clean way. */
  ended = false;
  #onClose: (() => void)[] = [];

  write(bytes: Buffer): boolean {
    if (this.isStuck) this.writableLength += bytes.length;
    else this.text += bytes.toString();
    return !this.isStuck;
  }

  get writableEnded(): boolean {
    return this.ended;
  }

  end(bytes: Buffer): void {
    this.write(bytes);
    this.ended = true;
  }

  once(_event: string, listener: () => void): void {
    this.#onClose.push(listener);
  }

  on(event: string, listener: () => void): void {
    this.once(event, listener);
  }

  destroy(): void {
    this.destroyed = true;
    for (const listener of this.#onClose.splice(0)) listener();
  }

  get events(): string[] {
    return [...this.text.matchAll(/^event: (\w+)$/gm)].map((match) => match[1] ?? '');
  }

  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }

  get response(): ServerResponse {
    return this as unknown as ServerResponse;
  }
}
