import { describe, expect, test } from 'vitest';
import { load, problemsOf, sync } from './kit.ts';

const run = (name: string, more: object = {}): object => ({ name, link: '/pub/link', command: 'x', ...more });
const relay = (name: string, more: object = {}): object => ({
  name,
  root: `/mirrors/${name}`,
  allow: 'https://h/*',
  ...more,
});

describe('units that cannot live beside each other are refused', () => {
  test.each<readonly [string, object, string]>([
    [
      'the same state directory',
      { sync: [sync('a', { 'state-dir': '/state' }), sync('b', { 'state-dir': '/state/' })] },
      'have the same state-dir, /state',
    ],
    [
      'a state directory in the root of another',
      { sync: [sync('a', { 'state-dir': '/git/b' }), sync('b')] },
      'have the same place for a repository, /git/b',
    ],
    [
      'a state directory among worktrees',
      { sync: [sync('a'), sync('b', { 'state-dir': '/git/a/.worktrees/x' })] },
      'the state-dir of b is inside /git/a/.worktrees',
    ],
    [
      'a state directory in a relay',
      { http: { bind: ':1' }, sync: [sync('a', { 'state-dir': '/mirrors/r/x' })], relay: [relay('r')] },
      'the root of a relay is its own',
    ],
    ['the same root', { sync: [sync('a'), sync('b', { root: '/git/a/' })] }, 'have the same root, /git/a'],
    [
      'a root in a repository',
      { sync: [sync('a'), sync('b', { root: '/git/a/.git/x' })] },
      'the root of b is inside /git/a/.git, which belongs to a',
    ],
    [
      'a root among worktrees',
      { sync: [sync('b', { root: '/git/a/.worktrees' }), sync('a')] },
      'the root of b is inside /git/a/.worktrees',
    ],
    [
      'a root in what is published',
      { sync: [sync('a', { link: 'x' }), sync('b', { root: '/git/a/x/y' })] },
      'the root of b is inside /git/a/x',
    ],
    [
      'the same link',
      { sync: [sync('a', { link: '/pub/x' }), sync('b', { link: '/pub/x' })] },
      'have the same link, /pub/x',
    ],
    [
      'the same into of two syncs',
      { sync: [sync('a', { into: '/srv' }), sync('b', { into: '/srv' })] },
      'the into of b, /srv, and the into of a, /srv, are one place',
    ],
    [
      'an into in another one',
      { sync: [sync('a', { into: '/srv/x' }), sync('b', { into: '/srv' })] },
      'the into of b, /srv, and the into of a, /srv/x, are one place or lie in each other',
    ],
    [
      'a revision file in the repository of another sync',
      { sync: [sync('a'), sync('b', { into: '/srv', 'revision-file': '/git/a/.git/HEAD' })] },
      'the root of a, /git/a/.git, and the revision-file of b, /git/a/.git/HEAD,',
    ],
    [
      'a revision file in the into of another sync',
      { sync: [sync('a', { into: '/srv/x' }), sync('b', { into: '/srv/y', 'revision-file': '../x/rev' })] },
      'the revision-file of b, /srv/x/rev, and the into of a, /srv/x,',
    ],
    [
      'the same revision file',
      { sync: ['a', 'b'].map((name) => sync(name, { into: `/srv/${name}`, 'revision-file': '../rev' })) },
      'the revision-file of b, /srv/rev, and the revision-file of a, /srv/rev,',
    ],
    [
      'an into that a run writes to as well',
      { sync: [sync('a', { into: '/srv' })], run: [run('b', { into: '/srv/x' })] },
      'the into of b, /srv/x, and the into of a, /srv,',
    ],
    [
      'an into in what another sync publishes',
      { sync: [sync('a'), sync('b', { into: '/git/a/a.git/x' })] },
      'the root of a, /git/a/a.git, and the into of b',
    ],
    [
      'an into around the root of another sync',
      { sync: [sync('a'), sync('b', { root: '/other', into: '/git' })] },
      'and the into of b, /git,',
    ],
    [
      'an into in the root of a relay',
      { http: { bind: ':1' }, relay: [relay('r')], sync: [sync('a', { into: '/mirrors/r/x' })] },
      'the root of r',
    ],
    ['another umask', { sync: [sync('a'), sync('b', { 'group-write': true })] }, 'must agree on group-write'],
    [
      'a link in what is published',
      { sync: [sync('a', { link: '/pub/x' }), sync('b', { link: '/pub/x/y' })] },
      'the link of b is inside /pub/x',
    ],
    [
      'a link in a repository',
      { sync: [sync('b', { link: '/git/a/.git/y' }), sync('a')] },
      'the link of b is inside /git/a/.git',
    ],
    [
      'the same error file',
      { sync: [sync('a', { 'error-file': '/e' }), sync('b', { 'error-file': '/e' })] },
      'have the same error-file, /e',
    ],
    [
      'the same into',
      { run: [run('a', { into: '/srv' }), run('b', { into: '/srv', link: '/pub/m' })] },
      'have the same into, /srv',
    ],
    [
      'the same target',
      { run: [run('a', { into: '/srv', copy: 'x:d' }), run('b', { into: '/srv/d', link: '/pub/m' })] },
      'both write to /srv/d',
    ],
    [
      'the same state',
      { run: [run('a', { state: '/st' }), run('b', { state: '/st', path: 'x' })] },
      'have the same state, /st',
    ],
    [
      'into what a sync publishes',
      { sync: [sync('a')], run: [run('b', { into: '/git/a/a.git/sub' })] },
      'b would write to /git/a/a.git/sub, which a publishes',
    ],
    [
      'a relay in a root',
      { http: { bind: ':1' }, sync: [sync('a')], relay: [relay('r', { root: '/git/a/x' })] },
      'the root of a relay is its own',
    ],
    [
      'a root in a relay',
      { http: { bind: ':1' }, sync: [sync('a', { root: '/mirrors/r/x' })], relay: [relay('r')] },
      'the root of a relay is its own',
    ],
    [
      'two relays at one address',
      { http: { bind: ':1' }, relay: [relay('r'), relay('s')] },
      'would serve at the same address',
    ],
    [
      'http and listen',
      { http: { bind: ':80' }, run: [run('a', { listen: '127.0.0.1:80' })] },
      'http.bind and listen of run a are the same port, 80',
    ],
    [
      'two listen',
      { run: [run('a', { listen: ':80' }), run('b', { listen: ':80', path: 'x' })] },
      'listen of run a and listen of run b are the same port',
    ],
    [
      'http and http-bind',
      { http: { bind: ':80' }, relay: [relay('r', { 'http-bind': ':80' })] },
      'http.bind and http-bind of relay r are the same port',
    ],
  ])('%s', (_name, source, problem) => {
    const problems = problemsOf(source);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^\d+:\d+: /);
    expect(problems[0]).toContain(problem);
  });
});

test.each<readonly [string, object]>([
  [
    'one root for links, with two state directories',
    {
      sync: [
        sync('a', { root: '/git', link: 'a', 'state-dir': '/state/a' }),
        sync('b', { root: '/git', link: 'b', 'state-dir': '/state/b' }),
      ],
    },
  ],
  ['a root beside another, in the same directory', { sync: [sync('a'), sync('b')] }],
  ['a root in another root', { sync: [sync('a', { root: '/git' }), sync('b', { root: '/git/b' })] }],
  ['links side by side, elsewhere', { sync: [sync('a', { link: '/pub/a' }), sync('b', { link: '/pub/b' })] }],
  ['an into in the root of another sync', { sync: [sync('a'), sync('b', { into: '/git/a/site' })] }],
  ['intos side by side', { sync: [sync('a', { into: '/srv/a' }), sync('b', { into: '/srv/b' })] }],
  ['the same touch file', { sync: [sync('a', { 'touch-file': '/t' }), sync('b', { 'touch-file': '/t' })] }],
  ['two runs of one link that deploy other parts', { run: [run('a', { path: 'x' }), run('b', { path: 'y' })] }],
  ['two runs of one link that deploy the same: a web server and a worker', { run: [run('a'), run('b')] }],
  ['two runs of one link with states of their own', { run: [run('a', { state: '/x' }), run('b', { state: '/y' })] }],
  ['other parts of one directory', { run: [run('a', { into: '/srv', copy: 'x:x' }), run('b', { into: '/srv/y' })] }],
  [
    'one port of two addresses',
    { run: [run('a', { listen: '127.0.0.1:80' }), run('b', { listen: '127.0.0.2:80', path: 'x' })] },
  ],
  ['port 0, which is any free one', { http: { bind: ':0' }, run: [run('a', { listen: ':0' })] }],
  [
    'a relay at an address of its own',
    { http: { bind: ':1' }, relay: [relay('r'), relay('s', { 'http-bind': ':2' })] },
  ],
])('these live beside each other: %s', (_name, source) => {
  expect(load(source).units.length).toBeGreaterThan(0);
});
