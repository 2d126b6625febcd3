import { expect, test } from 'vitest';
import { Publishers } from '../../src/app/publishers.ts';
import type { Oid } from '../../src/model/oid.ts';
import type { Publisher, RunFacts } from '../../src/service/publisher.ts';

function publisher(): Publisher & { publish(): void } {
  const listeners = new Set<() => void>();
  return {
    hasRelay: false,
    reportRun: undefined,
    reported: async () => undefined,
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

test('what a run said of its process is reported again by a sync that was ended and opened again', () => {
  const publishers = new Publishers();
  const reported: (Oid | undefined)[] = [];
  const reportRun = ({ process }: RunFacts): void => void reported.push(process.oid);
  const oid = '1'.repeat(40) as Oid;
  publishers.attach('dags', undefined);
  const process = { oid, state: 'ready', ended: 0, reason: undefined, output: [] } as const;
  publishers.find('dags').reportRun?.({ running: oid, failed: undefined, process });
  expect(reported).toEqual([]);
  publishers.attach('dags', { ...publisher(), reportRun });
  expect(reported).toEqual([oid]);
});
