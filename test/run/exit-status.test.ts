import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { statusOfSignal } from '../../src/run/exit-status.ts';

test.each(Object.entries(constants.signals))('a process that %s ended gives 128 + %d', (name, number) => {
  expect(statusOfSignal(name as NodeJS.Signals)).toBe(128 + number);
});
