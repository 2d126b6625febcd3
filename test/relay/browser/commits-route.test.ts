import { describe, expect, test } from 'vitest';
import type { Oid } from '../../../src/model/oid.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { commitsRoute } from '../../../src/relay/browser/commits-route.ts';
import { PageDoor } from '../../../src/relay/browser/page-door.ts';
import { Sessions } from '../../../src/relay/browser/sessions.ts';
import type { RepositoryName } from '../../../src/relay/protocol/repository-name.ts';
import type { Principal } from '../../../src/relay/server/access/access.ts';
import type { Follower } from '../../../src/relay/server/mirror/follower.ts';
import type { CommitLine } from '../../../src/relay/server/mirror/mirror-commits.ts';
import type { Rollouts } from '../../../src/relay/server/rollouts/rollouts.ts';
import { principal, serving } from '../../kit/page-kit.ts';
import { at, oid, REPOSITORY, refsOf } from '../../kit/relay-fakes.ts';

/**
 * A mirror with the commits 1 to 8: main is at 1, secret at 2; a rollout of main is about 3, one of secret about 4; main
 * refused 6, secret 7, and the journals name 8.
 */
async function setUp(who: Principal, subject = 'Do it') {
  const asked: string[][] = [];
  const follower = {
    refs: refsOf(at('refs/heads/main', '1'), at('refs/heads/secret', '2')),
    describeCommits: async (oids: readonly Oid[]) => {
      asked.push([...oids]);
      return new Map<Oid, CommitLine>(oids.map((each) => [each, { subject, author: 'A. U. Thor', committedAt: 1000 }]));
    },
  } as unknown as Follower;
  const door = new PageDoor({ identify: () => who }, new Sessions(systemClock));
  const repositories = { peek: (name: string) => (name === REPOSITORY ? follower : undefined) };
  const kept: [string, Oid[]][] = [
    ['refs/heads/main', [oid('3')]],
    ['refs/heads/secret', [oid('4')]],
  ];
  const describe = function* (shows: (name: RepositoryName) => ((ref: string) => boolean) | undefined) {
    for (const [ref, digit] of [
      ['refs/heads/main', '6'],
      ['refs/heads/secret', '7'],
    ] as const)
      if (shows(REPOSITORY)?.(ref)) yield { refused: [oid(digit)], journal: [{ oid: oid('8') }, {}] };
  };
  const rollouts = { kept: () => kept, describe } as unknown as Rollouts;
  const url = await serving(commitsRoute({ door, repositories, rollouts }));
  return {
    asked,
    read: async (oids: readonly string[], repo: string = REPOSITORY): Promise<Response> =>
      await fetch(`${url}/commits?repo=${repo}${oids.map((each) => `&oid=${each}`).join('')}`),
  };
}

const namesOf = async (response: Response): Promise<string> => {
  const { commits } = (await response.json()) as { commits: Record<string, unknown> };
  return Object.keys(commits)
    .map((each) => each[0])
    .sort()
    .join('');
};

describe('GET /commits', () => {
  const all = ['1', '2', '3', '4', '5', '6', '7', '8'].map(oid);

  test('names the tips and what rollouts are about, each read from the mirror once', async () => {
    const { read, asked } = await setUp(principal('me'));
    expect(await namesOf(await read(all))).toBe('1234678');
    const again = (await (await read([oid('1')])).json()) as unknown;
    expect(again).toEqual({
      commits: { [oid('1')]: { subject: 'Do it', author: 'A. U. Thor', at: '1970-01-01T00:16:40.000Z' } },
    });
    expect(asked).toEqual([['1', '2', '3', '4', '6', '7', '8'].map(oid)]);
  });

  test('says nothing of commits that only other refs have, nor whether they are there', async () => {
    const view = { id: 'main', shows: (ref: string) => ref === 'refs/heads/main' };
    const { read, asked } = await setUp({ ...principal('me'), viewOf: () => view });
    expect(await namesOf(await read(all))).toBe('1368');
    expect(asked.flat()).not.toContain(oid('2'));
  });

  test('says of a repository that may not be seen what it says of one that is not there', async () => {
    const { read } = await setUp(principal('me', { mayRead: () => false }));
    const [hidden, absent] = [await read(all), await read(all, 'h.example/none/such')];
    expect([hidden.status, await hidden.text()]).toEqual([absent.status, await absent.text()]);
    expect(hidden.status).toBe(404);
  });

  test('shortens a subject, and shows what a terminal or a browser would act on', async () => {
    const { read } = await setUp(principal('me'), `\u202e<b>${'x'.repeat(5000)}`);
    const text = await (await read([oid('1')])).text();
    expect(text).toContain('\\\\u202e<b>xxx');
    expect(text.length).toBeLessThan(500);
  });

  test('takes object ids only, and not too many', async () => {
    const { read } = await setUp(principal('me'));
    for (const oids of [[], ['HEAD'], ['--all'], [oid('1'), 'x'], Array<string>(61).fill(oid('1'))])
      expect((await read(oids)).status).toBe(400);
  });
});
