import { expect, test } from 'vitest';
import { readAskpassAnswer } from '../../src/remote/askpass.ts';

test('keys are the exact text before the first =, the last line of a key counts, a CR before the line end does not', () => {
  const answer = readAskpassAnswer('username=a\nusername=b=c\r\n password=x\npassword= y \nnoise\n=z\n');
  expect([...answer]).toEqual([
    ['username', 'b=c'],
    [' password', 'x'],
    ['password', ' y '],
  ]);
});
