import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../src/model/error.ts';
import type { Oid } from '../../src/model/oid.ts';
import { AnswerCheck } from '../../src/remote/wire/answer-check.ts';
import { readCommand } from '../../src/remote/wire/command.ts';
import { type FetchRequest, writeFetchRequest } from '../../src/remote/wire/fetch-request.ts';
import { readOldFetchRequest, writeOldFetchRequest } from '../../src/remote/wire/old-fetch-request.ts';
import { DELIMITER_PACKET, FLUSH_PACKET, readPackets } from '../../src/remote/wire/pkt-line.ts';
import { atOnce } from '../kit/at-once.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../kit/upstream.ts';

/** A packet with these very bytes. */
const packet = (text: string): Buffer =>
  Buffer.from(`${(Buffer.byteLength(text, 'latin1') + 4).toString(16).padStart(4, '0')}${text}`, 'latin1');

const OIDS = ['1', '2', '3'].map((digit) => digit.repeat(40));
const oid = fc.constantFrom(...OIDS);
const goodLine = fc.oneof(
  ...['want', 'have', 'shallow'].map((word) => oid.map((id) => `${word} ${id}`)),
  fc.constantFrom('done', 'thin-pack', 'no-progress', 'include-tag', 'ofs-delta', 'deepen-relative'),
  fc.constantFrom('deepen 1', 'deepen 2147483647', 'deepen-since 1700000000', 'deepen-not main', 'filter blob:none'),
  fc.constantFrom(
    'filter tree:0',
    'filter blob:limit=1k',
    'filter object:type=blob',
    'filter combine:tree:3+blob:none',
  ),
);
const oddLine = fc.oneof(
  fc
    .tuple(goodLine, fc.constantFrom('\0', ' ', '\n', '\r', '\t', 'x', '\u00e9', '\x7f'))
    .map(([line, end]) => line + end),
  fc.tuple(goodLine, goodLine, fc.constantFrom('\0', '\n', ' ', '0032')).map(([a, b, glue]) => `${a}${glue}${b}`),
  fc.constantFrom('', 'want', 'want ', `want ${'1'.repeat(39)}`, `want ${'1'.repeat(64)}`, `want ${'A'.repeat(40)}`),
  fc.constantFrom('deepen 0', 'deepen -1', 'deepen 010', 'deepen 1 2', 'deepen 2147483648', 'deepen-since 0x10'),
  fc.constantFrom(
    'deepen-not --all',
    'deepen-not a..b',
    'filter sparse:oid=main',
    'filter tree:0x3',
    'want-ref refs/x',
  ),
  fc.constantFrom('sideband-all', 'packfile-uris https', 'wait-for-done', 'command=fetch', 'object-format=sha1'),
  fc.string({ maxLength: 30 }),
);
/** Mostly what is right, so that the odd things stand among it. */
const mostly = <T>(right: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 15, arbitrary: right }, { weight: 1, arbitrary: odd });
const capability = mostly(
  fc.constantFrom('agent=git/2', 'session-id=1', 'server-option=a'),
  fc.constantFrom('agent=x\0y', 'x=y', 'object-format=sha256', 'object-format=sha1'),
);
const lines = (each: fc.Arbitrary<string>): fc.Arbitrary<Buffer[]> =>
  fc.array(
    fc.tuple(each, fc.boolean()).map(([line, isLine]) => packet(isLine ? `${line}\n` : line)),
    { maxLength: 6 },
  );
const control = fc.constantFrom(
  ...[FLUSH_PACKET, DELIMITER_PACKET, Buffer.from('0002'), Buffer.from('0003'), Buffer.alloc(0)],
);

const body2 = fc
  .tuple(
    mostly(
      fc.constant('command=fetch'),
      fc.constantFrom('command=ls-refs', 'command=object-info', 'command=fetch\0', 'x'),
    ),
    lines(capability),
    mostly(fc.constant(DELIMITER_PACKET), control),
    lines(mostly(goodLine, oddLine)),
    mostly(fc.constant(FLUSH_PACKET), control),
    mostly(fc.constant(Buffer.alloc(0)), control),
  )
  .map(([name, words, middle, args, ...end]) =>
    Buffer.concat([packet(`${name}\n`), ...words, middle, ...args, ...end]),
  );
const goodWant = fc.oneof(
  oid.map((id) => `want ${id}`),
  oid.map((id) => `shallow ${id}`),
  fc.constantFrom('deepen 3'),
);
const body0 = fc
  .tuple(
    mostly(
      fc.constantFrom(' side-band-64k ofs-delta', ' multi_ack_detailed agent=x', ''),
      fc.constantFrom('\0thin-pack', ' object-format=sha256', ' agent=x\nwant'),
    ),
    lines(mostly(goodWant, oddLine)),
    mostly(fc.constant(FLUSH_PACKET), control),
    lines(
      mostly(
        oid.map((id) => `have ${id}`),
        oddLine,
      ),
    ),
    mostly(fc.constantFrom(FLUSH_PACKET, packet('done\n')), control),
    mostly(fc.constant(Buffer.alloc(0)), control),
  )
  .map(([words, wants, middle, haves, ...end]) =>
    Buffer.concat([packet(`want ${OIDS[0]}${words}\n`), ...wants, middle, ...haves, ...end]),
  );

/** What git would be given for these bytes; undefined where they are refused. */
function read(protocol: 0 | 2, body: Buffer): FetchRequest | undefined {
  try {
    if (protocol === 0) return atOnce(readOldFetchRequest(body, 'sha1'));
    const command = atOnce(readCommand(body, 'sha1'));
    return command.name === 'fetch' ? command.request : undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(SidecarError);
    return undefined;
  }
}

const write = (protocol: 0 | 2, request: FetchRequest): Buffer =>
  atOnce(protocol === 0 ? writeOldFetchRequest(request, 'sha1') : writeFetchRequest(request, 'sha1'));

/** Every line that git may see, whatever a client sent. */
const ALLOWED =
  /^(?:command=fetch|object-format=sha1|(?:have|shallow) [0-9a-f]{40}|want [0-9a-f]{40}(?: [a-z0-9_=-]+)*|deepen [1-9]\d*|deepen-since \d+|deepen-not \S+|deepen-relative|filter [a-z0-9:=+]+|thin-pack|no-progress|include-tag|ofs-delta|done)\n$/i;

describe.each([
  [2, body2],
  [0, body0],
] as const)('any bytes that come as a fetch of protocol v%i', (protocol, bodies) => {
  test('are refused, or become packets of the grammar and nothing else, and these mean the same again', () => {
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          bodies,
          fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        ),
        (body) => {
          const request = read(protocol, body);
          if (!request) return;
          accepted += 1;
          const given = write(protocol, request);
          for (const each of readPackets(given))
            if (each.kind === 'data') expect(each.payload.toString('latin1')).toMatch(ALLOWED);
          const again = read(protocol, given);
          expect(again).toEqual(request);
          // No byte that a client sent gets to git without having been understood.
          const sent = [...readPackets(body)].flatMap((each) =>
            each.kind === 'data' ? [each.payload.toString('latin1')] : [],
          );
          expect(sent.filter((text) => text.includes('\0'))).toEqual([]);
        },
      ),
      { numRuns: 10_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });
});

describe('what differs in nothing but who asks', () => {
  const ask = (...more: string[]): Buffer =>
    Buffer.concat([
      ...['command=fetch', ...more].map((line) => packet(`${line}\n`)),
      ...[DELIMITER_PACKET, packet(`want ${OIDS[0]}\n`), packet('done'), FLUSH_PACKET],
    ]);
  const given = (body: Buffer): string => write(2, read(2, body) as FetchRequest).toString();

  test('is the same question to git', () => {
    const one = given(ask('agent=git/2.39', 'object-format=sha1'));
    expect(given(ask('object-format=sha1', 'session-id=7', 'agent=git-sidecar/1', 'server-option=x'))).toBe(one);
    const old = (words: string): string =>
      write(
        0,
        read(0, Buffer.concat([packet(`want ${OIDS[0]} ${words}\n`), FLUSH_PACKET, packet('done\n')])) as FetchRequest,
      ).toString();
    expect(old('side-band-64k agent=a ofs-delta')).toBe(old('ofs-delta side-band-64k session-id=9 agent=b new-word'));
  });

  test('an agent that is cut out of a line joins no two lines', () => {
    expect(
      read(0, Buffer.concat([packet(`want ${OIDS[0]} agent=x\nwant ${OIDS[1]}\n`), FLUSH_PACKET, packet('done\n')])),
    ).toBeUndefined();
  });
});

describe('git itself', () => {
  const setUp = (): { gitDir: string; ids: Oid[] } => {
    const dir = tempDir();
    const upstream = new Upstream(dir);
    for (const text of ['one', 'two', 'three']) upstream.commit({ a: text, [`d/${text}`]: text });
    upstream.git('tag', '-a', '-m', 'x', 'v1');
    upstream.push('v1');
    const names = ['HEAD', 'HEAD~1', 'HEAD~2', 'HEAD^{tree}', 'HEAD:a', 'v1'];
    return { gitDir: join(dir, 'repo.git'), ids: names.map((name) => git(upstream.work, 'rev-parse', name) as Oid) };
  };

  const place = fc.nat({ max: 5 });
  const request = fc.record({
    wants: fc.uniqueArray(place, { minLength: 1, maxLength: 3 }),
    haves: fc.uniqueArray(place, { maxLength: 3 }),
    shallow: fc.uniqueArray(fc.nat({ max: 2 }), { maxLength: 2 }),
    deepen: fc.constantFrom(
      '',
      'deepen 1',
      'deepen 2',
      'deepen-since 1',
      'deepen-since 4000000000',
      'deepen-not refs/tags/v1',
    ),
    filter: fc.constantFrom(
      '',
      'filter blob:none',
      'filter tree:1',
      'filter object:type=tag',
      'filter combine:tree:3+blob:limit=5',
    ),
    words: fc.subarray(['thin-pack', 'no-progress', 'include-tag', 'ofs-delta', 'deepen-relative']),
    end: fc.constantFrom('done', 'flush', 'nothing'),
    old: fc.subarray(['multi_ack', 'multi_ack_detailed', 'no-done']),
  });

  test.each([2, 0] as const)(
    'takes every fetch of protocol v%i that is let through, and what it answers is seen to be whole',
    (protocol) => {
      const { gitDir, ids } = setUp();
      fc.assert(
        fc.property(request, (asked) => {
          const oids = (places: number[], word: string): string[] => places.map((each) => `${word} ${ids[each]}`);
          const first = [
            ...oids(asked.wants, 'want'),
            ...oids(asked.shallow, 'shallow'),
            asked.deepen,
            asked.filter,
          ].filter(Boolean);
          if (protocol === 0) first[0] += ` ${['side-band-64k', ...asked.words, ...asked.old].join(' ')}`;
          const haves = oids(asked.haves, 'have');
          const all = (texts: string[]): Buffer[] => texts.map((text) => packet(`${text}\n`));
          const done = asked.end === 'done' ? all(['done']) : [];
          const body =
            protocol === 2
              ? [
                  ...all(['command=fetch', 'object-format=sha1']),
                  DELIMITER_PACKET,
                  ...all([...asked.words, ...first, ...haves]),
                  ...done,
                  FLUSH_PACKET,
                ]
              : [...all(first), FLUSH_PACKET, ...all(haves), ...done, ...(asked.end === 'flush' ? [FLUSH_PACKET] : [])];
          const understood = read(protocol, Buffer.concat(body));
          if (!understood) {
            // Only what cannot stand together, or does not end.
            expect(asked.end === 'nothing' && haves.length > 0).toBe(true);
            return;
          }
          const settings = ['-c', 'uploadpack.allowFilter=true', '-c', 'uploadpack.allowAnySHA1InWant=true'];
          const ran = spawnSync('git', [...settings, 'upload-pack', '--strict', '--stateless-rpc', gitDir], {
            input: write(protocol, understood),
            env: { ...GIT_ENV, ...(protocol === 2 && { GIT_PROTOCOL: 'version=2' }) },
          });
          const what = `${write(protocol, understood)}\n${ran.stderr}`;
          // git finds out itself that there is no such commit.
          if (ran.stderr.includes('no commits selected for shallow requests')) return;
          expect(ran.status, what).toBe(0);
          const check = new AnswerCheck({ protocol, objectFormat: 'sha1', isDone: understood.end === 'done' });
          for (let at = 0; at < ran.stdout.length; at += 777) check.feed(ran.stdout.subarray(at, at + 777));
          // So asks who wants nothing but the shallow commits, and there are none.
          if (understood.end === 'nothing' && ran.stdout.length === 0) return;
          expect(check.isComplete(), `${what}\n${ran.stdout.toString('latin1').slice(0, 300)}`).toBe(true);
          // One byte less, or one other byte, is seen.
          const cut = new AnswerCheck({ protocol, objectFormat: 'sha1', isDone: understood.end === 'done' });
          cut.feed(ran.stdout.subarray(0, -1));
          expect(cut.isComplete()).toBe(false);
        }),
        { numRuns: 120 },
      );
    },
    120_000,
  );
});
