import { expect, test } from 'vitest';
import { Savings } from '../../../src/relay/browser/savings.ts';
import { HandClock } from '../../kit/hand-clock.ts';

test('a subscriber saves one poll in each period in which it has a stream, whenever it is looked at', () => {
  const clock = new HandClock();
  let subscribers = 0;
  const savings = new Savings(clock, 10_000, () => subscribers);
  clock.advance(60_000);
  savings.sample();
  expect(savings.polls).toBe(0);
  subscribers = 3;
  for (let second = 0; second < 20; second += 1) {
    clock.advance(1000);
    savings.sample();
  }
  expect(savings.polls).toBeCloseTo(6);
  subscribers = 1;
  clock.advance(5000);
  savings.sample();
  expect(savings.polls).toBeCloseTo(6.5);
  savings.sample();
  expect(savings.polls).toBeCloseTo(6.5);
});

test('a period of nothing is no reason to divide by it', () => {
  const clock = new HandClock();
  const savings = new Savings(clock, 0, () => 1);
  clock.advance(5);
  savings.sample();
  expect(savings.polls).toBe(5);
});
