import { describe, expect, test } from 'vitest';
import type { FreezeWindow } from '../../../src/config/rollout-policy.ts';
import { FreezeCalendar } from '../../../src/relay/rollout/freeze.ts';

const EVERY_DAY = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const at = (text: string): number => Date.parse(text);

function frozen(window: FreezeWindow, text: string): boolean {
  return new FreezeCalendar([window]).isFrozen(at(text));
}

/** Every change between two times, found by going from one `nextChange` to the next. */
function changes(window: FreezeWindow, from: string, to: string): readonly string[] {
  const calendar = new FreezeCalendar([window]);
  const found: string[] = [];
  let before = calendar.isFrozen(at(from));
  for (let time = calendar.nextChange(at(from)); time !== undefined && time <= at(to); ) {
    const now = calendar.isFrozen(time);
    if (now !== before) found.push(`${new Date(time).toISOString().slice(0, 16)} ${now ? 'frozen' : 'open'}`);
    before = now;
    time = calendar.nextChange(time);
  }
  return found;
}

describe('hours of each week', () => {
  const night: FreezeWindow = { kind: 'weekly', days: ['fri'], from: 22 * 60, to: 6 * 60, zone: 'UTC' };

  test('a window over midnight belongs to the day on which it begins', () => {
    expect(frozen(night, '2026-11-06T21:59:59Z')).toBe(false);
    expect(frozen(night, '2026-11-06T22:00:00Z')).toBe(true);
    expect(frozen(night, '2026-11-07T05:59:59Z')).toBe(true);
    expect(frozen(night, '2026-11-07T06:00:00Z')).toBe(false);
    expect(frozen(night, '2026-11-07T23:00:00Z')).toBe(false);
    expect(frozen(night, '2026-11-06T03:00:00Z')).toBe(false);
  });

  test('from Sunday night it reaches into Monday', () => {
    const window: FreezeWindow = { ...night, days: ['sun'] };
    expect(frozen(window, '2026-11-09T05:00:00Z')).toBe(true);
    expect(frozen(window, '2026-11-10T05:00:00Z')).toBe(false);
  });

  test('a whole day ends at midnight of its own zone', () => {
    const window: FreezeWindow = { kind: 'weekly', days: ['sat'], from: 0, to: 1440, zone: 'Asia/Kolkata' };
    expect(changes(window, '2026-11-06T00:00Z', '2026-11-09T00:00Z')).toEqual([
      '2026-11-06T18:30 frozen',
      '2026-11-07T18:30 open',
    ]);
  });

  test('it follows the clock on the wall when summer time ends and begins', () => {
    const window: FreezeWindow = { kind: 'weekly', days: EVERY_DAY, from: 16 * 60, to: 20 * 60, zone: 'Europe/Berlin' };
    expect(changes(window, '2026-10-24T00:00Z', '2026-10-26T00:00Z')).toEqual([
      '2026-10-24T14:00 frozen',
      '2026-10-24T18:00 open',
      '2026-10-25T15:00 frozen',
      '2026-10-25T19:00 open',
    ]);
    expect(changes(window, '2026-03-28T00:00Z', '2026-03-30T00:00Z')).toEqual([
      '2026-03-28T15:00 frozen',
      '2026-03-28T19:00 open',
      '2026-03-29T14:00 frozen',
      '2026-03-29T18:00 open',
    ]);
  });

  test('an hour that comes twice is frozen twice, and one that never comes is not frozen', () => {
    const twice: FreezeWindow = { kind: 'weekly', days: EVERY_DAY, from: 150, to: 165, zone: 'Europe/Berlin' };
    expect(changes(twice, '2026-10-24T23:00Z', '2026-10-25T03:00Z')).toEqual([
      '2026-10-25T00:30 frozen',
      '2026-10-25T00:45 open',
      '2026-10-25T01:30 frozen',
      '2026-10-25T01:45 open',
    ]);
    expect(changes(twice, '2026-03-29T00:00Z', '2026-03-29T03:00Z')).toEqual([]);
  });

  test('a window whose begin never comes on that day begins when the clock jumps over it', () => {
    const window: FreezeWindow = { kind: 'weekly', days: EVERY_DAY, from: 150, to: 240, zone: 'Europe/Berlin' };
    expect(changes(window, '2026-03-29T00:00Z', '2026-03-29T05:00Z')).toEqual([
      '2026-03-29T01:00 frozen',
      '2026-03-29T02:00 open',
    ]);
  });

  test('zones whose clocks change by half an hour are followed', () => {
    const window: FreezeWindow = { kind: 'weekly', days: EVERY_DAY, from: 120, to: 180, zone: 'Australia/Lord_Howe' };
    expect(changes(window, '2026-04-04T12:00Z', '2026-04-05T12:00Z')).toEqual([
      '2026-04-04T15:30 frozen',
      '2026-04-04T16:30 open',
    ]);
  });
});

describe('a span between two dates', () => {
  const span: FreezeWindow = { kind: 'span', from: at('2026-12-24T12:00Z'), to: at('2027-01-02T08:00Z') };

  test('is frozen from its first to before its last moment', () => {
    expect(frozen(span, '2026-12-24T11:59:59Z')).toBe(false);
    expect(frozen(span, '2026-12-24T12:00:00Z')).toBe(true);
    expect(frozen(span, '2027-01-02T07:59:59Z')).toBe(true);
    expect(frozen(span, '2027-01-02T08:00:00Z')).toBe(false);
  });

  test('changes twice, and then never again', () => {
    const calendar = new FreezeCalendar([span]);
    expect(calendar.nextChange(at('2026-12-01T00:00Z'))).toBe(span.kind === 'span' ? span.from : 0);
    expect(calendar.nextChange(at('2026-12-24T12:00Z'))).toBe(span.kind === 'span' ? span.to : 0);
    expect(calendar.nextChange(at('2027-01-02T08:00Z'))).toBeUndefined();
  });
});

test('without windows nothing is frozen', () => {
  const calendar = new FreezeCalendar([]);
  expect(calendar.isFrozen(at('2026-11-06T22:00Z'))).toBe(false);
  expect(calendar.nextChange(at('2026-11-06T22:00Z'))).toBeUndefined();
});
