import { describe, expect, test } from 'vitest';
import { FetchGate } from '../../../../src/relay/server/git/fetch-gate.ts';
import type { Reach } from '../../../../src/relay/server/git/reach.ts';
import type { Follower } from '../../../../src/relay/server/mirror/follower.ts';
import { WHOLE_VIEW } from '../../../../src/relay/server/streams/ref-view.ts';
import { readFetchArguments } from '../../../../src/remote/wire/fetch-request.ts';
import { atOnce } from '../../../kit/at-once.ts';
import { silentLog } from '../../../kit/silent-log.ts';

describe('commits that a relay has not got yet', () => {
  test('one tenant that waits for very many leaves another the time to wait for its own', async () => {
    const brought: string[] = [];
    const follower = {
      refs: new Map(),
      upstream: { name: 'host/app', covers: () => true },
      mirror: { gitDir: '/m', refs: new Map(), formerTips: () => [] },
      bring: async (oid: string) => {
        brought.push(oid);
        await new Promise(() => undefined);
      },
    } as unknown as Follower;
    const gate = new FetchGate({ look: async () => new Map() } as unknown as Reach, silentLog);
    const ask = (owner: string, number: number): string => {
      const oid = number.toString(16).padStart(40, '0');
      const request = atOnce(readFetchArguments([`want ${oid}`, 'done'], 'sha1'));
      void gate.admit({ owner, follower, view: WHOLE_VIEW }, request).catch(() => undefined);
      return oid;
    };
    for (let n = 1; n <= 100; n += 1) ask('greedy', n);
    await new Promise((done) => setTimeout(done, 20));
    expect(brought.length).toBeLessThan(100);
    const honest = ask('another', 1000);
    await new Promise((done) => setTimeout(done, 20));
    expect(brought).toContain(honest);
  });
});

test('a question with very many ids that are not here is refused after a look at the first ones', async () => {
  const looks: number[] = [];
  const reach = {
    look: async (_within: unknown, oids: readonly string[]) => {
      looks.push(oids.length);
      return new Map();
    },
  } as unknown as Reach;
  const follower = {
    refs: new Map(),
    upstream: { name: 'host/app', covers: () => true },
    mirror: { gitDir: '/m', refs: new Map(), formerTips: () => [] },
  } as unknown as Follower;
  const wants = Array.from({ length: 20_000 }, (_, index) => `want ${(index + 1).toString(16).padStart(40, '0')}`);
  const request = atOnce(readFetchArguments([...wants, 'done'], 'sha1'));
  const gate = new FetchGate(reach, silentLog);
  const asked = gate.admit({ owner: 'one', follower, view: WHOLE_VIEW }, request);
  await expect(asked).rejects.toThrow('not our ref 0000000000000000000000000000000000000001');
  expect(looks).toEqual([64]);
});
