import { describe, expect, test } from 'vitest';
import type { Bucket, Kept } from '../../../src/relay/sharing/bucket.ts';
import { bookOf } from '../../../src/relay/sharing/policy-book.ts';
import type { DecisionRecord } from '../../../src/relay/sharing/record.ts';
import { Records } from '../../../src/relay/sharing/records.ts';
import { SharedStore } from '../../../src/relay/sharing/shared-store.ts';
import { Dice } from '../../kit/random.ts';
import { Fleet, policy } from '../rollout/kit.ts';
import { MAIN, NAME } from './simulated-relay.ts';

/** Values in memory. The next write may be told to get lost on its way back. */
class Memory implements Bucket {
  readonly largest: number;
  readonly values = new Map<string, Kept>();
  losesAnswer = false;
  #revision = 0;

  constructor(largest = 100_000) {
    this.largest = largest;
  }

  async read(key: string): Promise<Kept | undefined> {
    return this.values.get(key);
  }

  async write(key: string, value: Uint8Array, after: number): Promise<number | undefined> {
    if ((this.values.get(key)?.revision ?? 0) !== after) return undefined;
    expect(value.length).toBeLessThanOrEqual(this.largest + 1);
    this.#revision += 1;
    this.values.set(key, { value, revision: this.#revision });
    if (this.losesAnswer) {
      this.losesAnswer = false;
      throw new Error('no answer');
    }
    return this.#revision;
  }

  async remove(key: string): Promise<void> {
    this.values.delete(key);
  }

  async keys(prefix: string): Promise<readonly string[]> {
    return [...this.values.keys()].filter((key) => key.startsWith(`${prefix}.`));
  }

  watch(): never {
    throw new Error('nothing is watched here');
  }
}

/** What is decided about a fleet in the middle of a rollout, with names that cannot be compressed. */
function decided(instances: number, writer = 'a 1', seed = 7): DecisionRecord {
  const dice = new Dice(seed);
  const name = (): string =>
    `web-${Array.from({ length: 5 }, () => dice.below(36).toString(36)).join('')}-${dice.below(1e9).toString(36)}`;
  const fleet = Fleet.of(Array.from({ length: instances }, name), { maxUnavailable: { percent: 50 } });
  fleet.push(2);
  return { repository: NAME, writer, policies: 'p', refs: { [MAIN]: { state: fleet.ref.state(), tags: {} } } };
}

describe('decisions that relays share', () => {
  test('are read as they were written, also where they have no room in one value', async () => {
    const bucket = new Memory(1000);
    const records = new Records(bucket, 'g');
    let revision = 0;
    for (const instances of [1, 200, 300, 2]) {
      const record = decided(instances);
      revision = (await records.write(record, revision)) ?? 0;
      const read = await records.of(NAME);
      expect(read).toEqual({ ...JSON.parse(JSON.stringify(record)), revision });
    }
  });

  test('of one writer take the same room, however often it writes, and nothing is left of the writer before', async () => {
    const bucket = new Memory(1000);
    const records = new Records(bucket, 'g');
    let revision = 0;
    for (let round = 0; round < 30; round += 1)
      revision = (await records.write(decided(150, 'a 1', round), revision)) ?? 0;
    const most = bucket.values.size;
    for (let round = 0; round < 30; round += 1)
      revision = (await records.write(decided(150, 'b 1', round), revision)) ?? 0;
    expect(bucket.values.size).toBeLessThanOrEqual(most);
    expect((await records.all()).map(({ writer }) => writer)).toEqual(['b 1']);
  });

  test('are refused where another relay has written since', async () => {
    const records = new Records(new Memory(), 'g');
    const first = await records.write(decided(1), 0);
    expect(await records.write(decided(2, 'b 1'), first ?? 0)).toBeGreaterThan(first ?? 0);
    expect(await records.write(decided(3), first ?? 0)).toBeUndefined();
  });

  test('that are too large are refused with the number that is too large', async () => {
    await expect(new Records(new Memory(100), 'g').write(decided(2000), 0)).rejects.toMatchObject({
      code: 'ERR_ROLLOUT_STATE',
    });
  });
});

describe('the relay that decides', () => {
  const open = (records: Records, writer: string, onLost = (): void => undefined): SharedStore =>
    new SharedStore({
      ...{ records, writer, mayWrite: () => true, onWritten: () => undefined, onLost },
      policies: () => bookOf([policy()]),
      seeds: new Map(),
    });

  test('writes nothing over what the next one has begun with', async () => {
    const records = new Records(new Memory(), 'g');
    let isLost = false;
    const former = open(records, 'a 1', () => {
      isLost = true;
    });
    await former.open();
    await former.save(NAME, decided(1).refs);
    const next = open(records, 'b 1');
    await next.open();
    await expect(former.save(NAME, decided(2).refs)).rejects.toMatchObject({ code: 'ERR_ROLLOUT_DECIDER' });
    expect(isLost).toBe(true);
    expect((await records.of(NAME))?.writer).toBe('b 1');
    await next.save(NAME, decided(3).refs);
  });

  test('goes on after an answer got lost, whether its decision was written or not', async () => {
    const bucket = new Memory();
    const records = new Records(bucket, 'g');
    const store = open(records, 'a 1');
    await store.open();
    bucket.losesAnswer = true;
    await expect(store.save(NAME, decided(1).refs)).rejects.toThrow('no answer');
    await store.save(NAME, decided(2).refs);
    expect((await records.of(NAME))?.refs[MAIN]?.state.members.length).toBe(2);
  });
});
