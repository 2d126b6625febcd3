import { expect, test } from 'vitest';
import { Publishers } from '../../src/app/publishers.ts';
import type { Publisher } from '../../src/service/publisher.ts';

function publisher(): Publisher & { publish(): void } {
  const listeners = new Set<() => void>();
  return {
    reportRun: undefined,
    onPublish: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    publish: () => {
      for (const listener of listeners) listener();
    },
  };
}

test('who follows a sync hears of its publishes, also when that sync was ended and opened again, until it ends itself', () => {
  const publishers = new Publishers();
  let heard = 0;
  const end = publishers.find('dags').onPublish(() => {
    heard += 1;
  });
  const [first, second] = [publisher(), publisher()];
  publishers.attach('dags', first);
  first.publish();
  publishers.attach('dags', second);
  second.publish();
  expect(heard).toBe(2);
  end();
  second.publish();
  expect(heard).toBe(2);
});
