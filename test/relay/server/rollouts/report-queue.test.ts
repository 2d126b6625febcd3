import { describe, expect, test } from 'vitest';
import { OneAtATime } from '../../../../src/platform/one-at-a-time.ts';
import { parseRepositoryName, type RepositoryName } from '../../../../src/relay/protocol/repository-name.ts';
import { ReportQueue } from '../../../../src/relay/server/rollouts/report-queue.ts';
import { HandClock } from '../../../kit/hand-clock.ts';

const NAME = parseRepositoryName('git.example.com/app') as RepositoryName;
const report = (key: string) => ({
  key,
  report: {
    ...{ stream: key, replaces: undefined, instance: key, labels: {} },
    ...{ published: undefined, running: undefined, failed: undefined },
  },
});

describe('reports of a fleet', () => {
  function setUp(lookMs: number) {
    const clock = new HandClock();
    const looks: string[][] = [];
    const queue: ReportQueue = new ReportQueue({
      clock,
      turns: new OneAtATime(),
      look: async (name) => {
        looks.push(queue.take(name).map(({ key }) => key));
        await clock.sleep(lookMs);
      },
    });
    return { clock, looks, queue };
  }

  test('that come during a look are looked at together, in their order', async () => {
    const { clock, looks, queue } = setUp(100);
    const first = queue.add(NAME, report('a'));
    await clock.advance(0);
    const others = ['b', 'c'].map((key) => queue.add(NAME, report(key)));
    expect(looks).toEqual([['a']]);
    await clock.advance(100);
    await first;
    await clock.advance(300);
    expect(looks).toEqual([['a'], ['b', 'c']]);
    await clock.advance(100);
    await Promise.all(others);
  });

  test('leave most of the time to other work', async () => {
    const { clock, looks, queue } = setUp(100);
    const coming = Array.from({ length: 100 }, async (_, number) => {
      await clock.sleep(100 * number);
      await queue.add(NAME, report(`${number}`));
    });
    for (let at = 0; at < 11_000; at += 50) await clock.advance(50);
    await Promise.all(coming);
    expect(looks.flat()).toHaveLength(100);
    expect(looks.length).toBeLessThanOrEqual(30);
    expect(looks.length).toBeGreaterThan(20);
  });

  test('wait a second at most, however long a look takes', async () => {
    const { clock, looks, queue } = setUp(60_000);
    const first = queue.add(NAME, report('a'));
    await clock.advance(0);
    await clock.advance(60_000);
    await first;
    const second = queue.add(NAME, report('b'));
    await clock.advance(999);
    expect(looks).toEqual([['a']]);
    await clock.advance(1);
    await clock.advance(0);
    expect(looks).toEqual([['a'], ['b']]);
    await clock.advance(60_000);
    await second;
  });
});
