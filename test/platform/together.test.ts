import { expect, test } from 'vitest';
import { Together } from '../../src/platform/together.ts';

test('all who ask meanwhile get the one answer, and who asks later a new one', async () => {
  const together = new Together<string, number>();
  let asked = 0;
  const ask = async (): Promise<number> => {
    asked += 1;
    await Promise.resolve();
    return asked;
  };
  expect(await Promise.all([together.run('a', ask), together.run('a', ask)])).toEqual([1, 1]);
  expect(await together.run('a', ask)).toBe(2);
});

test('a failure is that of all who waited, and of nobody after them', async () => {
  const together = new Together<string, number>();
  const fail = () => Promise.reject(new Error('no answer'));
  const both = await Promise.allSettled([together.run('a', fail), together.run('a', fail)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await together.run('a', () => Promise.resolve(3))).toBe(3);
});

test('other questions do not wait', async () => {
  const together = new Together<string, number>();
  void together.run('a', () => new Promise(() => undefined));
  expect(await together.run('b', () => Promise.resolve(4))).toBe(4);
});
