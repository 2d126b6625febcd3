import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GroupJournal } from '../../src/publish/group-journal.ts';
import { type Membership, PublishGroup, type Ready } from '../../src/publish/publish-group.ts';
import { tempDir } from '../kit/temp.ts';

const signal = new AbortController().signal;

/** A group whose flips are notes in a list. */
function makeGroup(names: readonly string[]) {
  const root = tempDir();
  const journal = new GroupJournal({ root, path: join(root, 'state/group.json') });
  const group = new PublishGroup({ journal, names });
  const seen: string[] = [];
  const woken: string[] = [];
  const members = new Map<string, Membership>();
  for (const name of names) members.set(name, group.join({ name, onRound: () => woken.push(name) }));
  const member = (name: string): Membership => members.get(name) as Membership;
  const ready = (name: string, askedAt: number, fails?: Error): Ready => ({
    askedAt,
    flip: { unit: name, link: `/${name}`, from: undefined, target: `/trees/${name}` },
    show: async () => {
      if (fails) throw fails;
      seen.push(`+${name}`);
    },
    hide: async () => void seen.push(`-${name}`),
  });
  return { group, journal, seen, woken, member, ready };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
};

describe('syncs of a group', () => {
  test('show nothing until the last one is ready, and then all in the order of the document', async () => {
    const { member, ready, seen, woken } = makeGroup(['app', 'config', 'data']);
    const publishing = [
      member('data').publish(ready('data', 5), signal),
      member('app').publish(ready('app', 6), signal),
    ];
    await settle();
    expect(seen).toEqual([]);
    expect(member('app').missing()).toEqual(['config']);
    expect(woken).toEqual(['app', 'config']);
    publishing.push(member('config').publish(ready('config', 7), signal));
    expect(await Promise.all(publishing)).toEqual(['published', 'published', 'published']);
    expect(seen).toEqual(['+app', '+config', '+data']);
  });

  test('do not wait for one that asked its remote since the first news, and found nothing', async () => {
    const { member, ready, seen } = makeGroup(['app', 'config']);
    member('config').hasNoNews(4);
    const publishing = member('app').publish(ready('app', 5), signal);
    await settle();
    expect(seen).toEqual([]);
    member('config').hasNoNews(6);
    expect(await publishing).toBe('published');
  });

  test('ask once more when what they have is older than the news of another one', async () => {
    const { member, ready, seen } = makeGroup(['app', 'config']);
    member('config').hasNews(5);
    expect(await member('app').publish(ready('app', 3), signal)).toBe('ask again');
    const publishing = member('app').publish(ready('app', 6), signal);
    expect(await member('config').publish(ready('config', 7), signal)).toBe('published');
    expect(await publishing).toBe('published');
    expect(seen).toEqual(['+app', '+config']);
  });

  test('news that went away again hold nobody up', async () => {
    const { member, ready } = makeGroup(['app', 'config']);
    member('app').hasNews(1);
    member('config').hasNoNews(2);
    member('app').hasNoNews(3);
    expect(member('app').missing()).toEqual([]);
    const publishing = member('config').publish(ready('config', 9), signal);
    member('app').hasNoNews(10);
    expect(await publishing).toBe('published');
  });

  test('one whose link cannot be switched keeps the others from showing theirs', async () => {
    const { member, ready, seen, journal } = makeGroup(['app', 'config', 'data']);
    const failure = new Error('the volume is read-only');
    const all = Promise.allSettled([
      member('app').publish(ready('app', 1), signal),
      member('config').publish(ready('config', 1, failure), signal),
      member('data').publish(ready('data', 1), signal),
    ]);
    for (const result of await all) expect(result).toMatchObject({ status: 'rejected', reason: failure });
    expect(seen).toEqual(['+app', '-app', '-config']);
    expect(await journal.read()).toEqual([]);
    const again = ['app', 'config', 'data'].map((name) => member(name).publish(ready(name, 2), signal));
    expect(await Promise.all(again)).toEqual(['published', 'published', 'published']);
  });

  test('one that gives up waiting is no longer shown, and the others wait for it', async () => {
    const { member, ready, seen } = makeGroup(['app', 'config']);
    const stop = new AbortController();
    const publishing = member('app').publish(ready('app', 1), stop.signal);
    stop.abort(new Error('time is up'));
    await expect(publishing).rejects.toThrow('time is up');
    const other = member('config').publish(ready('config', 2), signal);
    await settle();
    expect(seen).toEqual([]);
    expect(await member('app').publish(ready('app', 3), signal)).toBe('published');
    expect(await other).toBe('published');
  });

  test('one that comes back after it gave up waiting wakes those that may be resting between two attempts', async () => {
    const { member, ready, woken } = makeGroup(['app', 'config']);
    const stop = new AbortController();
    const publishing = member('app').publish(ready('app', 1), stop.signal);
    stop.abort(new Error('time is up'));
    await expect(publishing).rejects.toThrow('time is up');
    expect(woken).toEqual(['config']);
    const again = member('app').publish(ready('app', 2), signal);
    expect(woken).toEqual(['config', 'config']);
    expect(await member('config').publish(ready('config', 3), signal)).toBe('published');
    expect(await again).toBe('published');
  });

  test('the journal names every link while they are switched, and nothing before and after', async () => {
    const { member, ready, journal } = makeGroup(['app', 'config']);
    const during: unknown[] = [];
    const looking = (name: string): Ready => ({
      ...ready(name, 1),
      show: async () => void during.push((await journal.read()).map(({ unit }) => unit)),
    });
    const publishing = member('app').publish(looking('app'), signal);
    await settle();
    expect(await journal.read()).toEqual([]);
    await Promise.all([publishing, member('config').publish(looking('config'), signal)]);
    expect(during).toEqual([
      ['app', 'config'],
      ['app', 'config'],
    ]);
    expect(await journal.read()).toEqual([]);
  });

  test('a start after a crash in between learns what each was about to show', async () => {
    const { journal, member } = makeGroup(['app', 'config']);
    const flip = { unit: 'config', link: '/config', from: '/trees/old', target: '/trees/new' };
    await journal.write([flip]);
    expect(await member('config').begun()).toEqual(flip);
    expect(await member('app').begun()).toBeUndefined();
  });

  test.each(['', '{', '[]', '{"flips":{}}', '{"flips":[1,{"unit":"app"}]}'])(
    'a journal that holds %j is none',
    async (text) => {
      const root = tempDir();
      const path = join(root, 'group.json');
      writeFileSync(path, text);
      expect(await new GroupJournal({ root, path }).read()).toEqual([]);
    },
  );
});
