import { describe, expect, test } from 'vitest';
import { type Overdue, Watchdog } from '../../src/platform/watchdog.ts';
import { HandClock } from '../kit/hand-clock.ts';

function setUp() {
  const clock = new HandClock();
  const said: string[] = [];
  const note = (kind: string) => (overdue: Overdue) => void said.push(`${kind} ${overdue.what}`);
  const dog = new Watchdog({ clock, onOverdue: note('overdue'), onStuck: note('stuck') });
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      await clock.advance(1000);
      dog.look();
    }
  };
  return { clock, dog, said, pass };
}

describe('the watchdog', () => {
  test('names the stage of work that outlives twice its limit, and gives it up a little later', async () => {
    const { dog, said, pass } = setUp();
    const watch = dog.watch('sync', 60_000);
    watch.at('sync: fetch');
    await pass(119);
    expect([said, dog.overdue]).toEqual([[], undefined]);
    await pass(2);
    expect([said, dog.overdue]).toEqual([
      ['overdue sync: fetch'],
      { what: 'sync: fetch', forMs: 121_000, limitMs: 60_000 },
    ]);
    await pass(10);
    expect(said).toEqual(['overdue sync: fetch', 'stuck sync: fetch']);
    watch.done();
    expect(dog.overdue).toBeUndefined();
  });

  test('lets go of work that ends late after all', async () => {
    const { dog, said, pass } = setUp();
    const watch = dog.watch('sync', 60_000);
    await pass(122);
    watch.done();
    await pass(20);
    expect(said).toEqual(['overdue sync']);
  });

  test('does not bark after the machine slept or the process was stopped', async () => {
    const { clock, dog, said, pass } = setUp();
    dog.watch('sync', 60_000);
    await clock.advance(24 * 3600_000);
    dog.look();
    await pass(50);
    expect(said).toEqual([]);
  });

  test('does not bark at work without a limit, nor at work that was granted more', async () => {
    const { dog, said, pass } = setUp();
    dog.watch('gc', undefined);
    const slow = dog.watch('checkout', 30_000);
    for (let round = 0; round < 10; round += 1) {
      await pass(30);
      slow.grant(30_000);
    }
    expect(said).toEqual([]);
    expect(dog.pending).toEqual(['gc', 'checkout']);
  });

  test('gives short limits some seconds more', async () => {
    const { dog, said, pass } = setUp();
    dog.watch('sync', 10);
    await pass(10);
    expect(said).toEqual([]);
    await pass(2);
    expect(said).toEqual(['overdue sync']);
  });
});
