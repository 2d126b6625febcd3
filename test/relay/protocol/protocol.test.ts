import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Oid } from '../../../src/model/oid.ts';
import type { AdvertisedRef } from '../../../src/model/ref.ts';
import { keyOf, keysOf, refOfKey } from '../../../src/relay/nats/key.ts';
import { applyChange, type RelayEvent, readEvent, writeEvent } from '../../../src/relay/protocol/events.ts';
import { changesBetween, digestOf, type Refs, selectRefs } from '../../../src/relay/protocol/refs.ts';
import { parseRepositoryName, repositoryNameOf } from '../../../src/relay/protocol/repository-name.ts';

const oid = fc.stringMatching(/^[0-9a-f]{40}$/).map((text) => text as Oid);
const refName = fc.stringMatching(/^refs\/(heads|tags)\/[a-zé0-9/._#-]{1,20}$/);
const ref: fc.Arbitrary<AdvertisedRef> = fc
  .record({
    name: refName,
    oid,
    peeledOid: fc.option(oid, { nil: undefined }),
    symref: fc.option(refName, { nil: undefined }),
  })
  .map(({ name, oid: id, peeledOid, symref }) => ({
    name,
    oid: id,
    ...(peeledOid && { peeledOid }),
    ...(symref && { symref }),
  }));
const refs: fc.Arbitrary<Refs> = fc
  .array(ref, { maxLength: 8 })
  .map((list) => new Map(list.map((each) => [each.name, each])));

/** As an event stream's reader hands it over. */
function throughStream(event: RelayEvent): RelayEvent | undefined {
  const fields = new Map(
    writeEvent(event)
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
  );
  return readEvent(fields.get('event'), fields.get('id'), fields.get('data') ?? '');
}

describe('names of repositories', () => {
  test.each([
    ['https://git.example.com/team/app.git', 'git.example.com/team/app.git'],
    ['https://user:secret@GIT.example.com:443/team/app.git/', 'git.example.com/team/app.git'],
    ['git@git.example.com:team/app.git', 'git.example.com/team/app.git'],
    ['ssh://git@git.example.com:2222/team/app', 'git.example.com:2222/team/app'],
    ['https://dev.azure.com/org/my%20project/_git/app', 'dev.azure.com/org/my project/_git/app'],
    ['http://[::1]:8080/app', '[::1]:8080/app'],
    ['/srv/git/app.git', undefined],
    ['file:///srv/git/app.git', undefined],
    ['https://host/', undefined],
  ])('%s is %s', (url, expected) => {
    expect(repositoryNameOf(url)).toBe(expected);
  });

  test.each([
    'host/../etc',
    'host/a/..',
    'host//a',
    'host/',
    '/etc/passwd',
    '../x',
    'host/ a',
    'host/a\nb',
    'host/a\0b',
    'host/a\\b',
    'host/%2e%2e/x',
    'host/a?x',
    'ho st/a',
    'host',
    'host/-x',
    `host/${'x'.repeat(2000)}`,
  ])('%j is none', (text) => {
    expect(parseRepositoryName(text)).toBeUndefined();
  });

  test('whatever text is given, a name leads nowhere else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const name = parseRepositoryName(text);
        if (name === undefined) return;
        expect(name.split('/')).not.toContain('..');
        expect(new URL(`http://relay/git/${name}/info/refs`).pathname.split('/').length).toBe(
          name.split('/').length + 4,
        );
      }),
    );
  });
});

describe('events', () => {
  test('what is written is read again', () => {
    fc.assert(
      fc.property(refs, refs, fc.nat(), (before, after, ageMs) => {
        const whole: RelayEvent = { kind: 'refs', id: digestOf(after), refs: after, ageMs, relay: 'r' };
        expect(throughStream(whole)).toEqual(whole);
        const changes = changesBetween(before, after);
        const change = throughStream({
          kind: 'change',
          id: digestOf(after),
          set: new Map(changes.flatMap(({ ref: name, to }) => (to ? [[name, to] as const] : []))),
          gone: changes.filter(({ to }) => !to).map(({ ref: name }) => name),
          ageMs,
        });
        expect(change?.kind).toBe('change');
        if (change?.kind === 'change') {
          const reached = applyChange(before, change);
          expect(digestOf(reached)).toBe(digestOf(after));
          expect(changesBetween(reached, after)).toEqual([]);
        }
      }),
    );
  });

  test('anything else is no event, and nothing throws', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('refs', 'change', 'beat', 'trouble', 'x'),
        fc.string(),
        fc.oneof(fc.string(), fc.json()),
        (kind, id, data) => {
          const event = readEvent(kind, id, data);
          if (event?.kind === 'refs') expect(event.refs).toBeInstanceOf(Map);
        },
      ),
    );
    expect(readEvent('refs', 'x', '{"refs":{"a":{"oid":"zz"}},"ageMs":1}')).toBeUndefined();
    expect(readEvent('refs', 'x', 'null')).toBeUndefined();
  });

  test('the digest is of the refs, not of their order', () => {
    const [a, b] = ['a', 'b'].map((name) => ({ name, oid: '1'.repeat(40) as Oid }));
    if (!a || !b) throw new Error('unreachable');
    expect(
      digestOf(
        new Map([
          ['a', a],
          ['b', b],
        ]),
      ),
    ).toBe(
      digestOf(
        new Map([
          ['b', b],
          ['a', a],
        ]),
      ),
    );
    expect(
      digestOf(
        selectRefs(
          new Map([
            ['a', a],
            ['b', b],
          ]),
          ['b'],
        ),
      ),
    ).toBe(digestOf(new Map([['b', b]])));
  });
});

test('keys on NATS hold only what a subject may, and name the ref', () => {
  const repository = parseRepositoryName('git.example.com:8443/team/app.git');
  if (!repository) throw new Error('unreachable');
  fc.assert(
    fc.property(refName, (name) => {
      const key = keyOf(repository, name);
      expect(key).toMatch(/^[-/_=A-Za-z0-9]+\.[-/_=A-Za-z0-9]+$/);
      expect(refOfKey(key)).toBe(name);
      expect(key.startsWith(keysOf(repository).slice(0, -1))).toBe(true);
    }),
  );
});
