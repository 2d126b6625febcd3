import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../../src/model/error.ts';
import type { Oid } from '../../../src/model/oid.ts';
import { isVisible } from '../../../src/platform/visible-text.ts';
import { type Report, readReport, writeReport } from '../../../src/relay/protocol/report.ts';
import { Fleet } from '../../../src/relay/server/fleet/fleet.ts';
import type { FleetDocument } from '../../../src/relay/server/fleet/fleet-document.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { at, fakeFollower, oid as oidOf, REPOSITORY, refsOf } from '../../kit/relay-fakes.ts';

const oid = fc.stringMatching(/^[0-9a-f]{40}$/).map((text) => text as Oid);
const GOOD = { stream: 's', instance: 'i', published: { ref: 'refs/heads/main', oid: oidOf('1'), at: 1 } };

/** Why a report is refused. */
function refusal(text: string): string | undefined {
  try {
    readReport(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof SidecarError) || error.code !== 'ERR_RELAY_REPORT') throw error;
    return error.detail;
  }
}

/** The report, where it is one. */
function reportOf(text: string): Report | undefined {
  return refusal(text) === undefined ? readReport(text) : undefined;
}

/** Shows a fleet whose only member sent `report`, now and after its ref moved. */
function show(report: Report): FleetDocument {
  const clock = new HandClock();
  const follower = fakeFollower(clock, refsOf(at('refs/heads/main', '2')));
  const fleet = new Fleet({ clock, follower: () => follower, onFollowed: () => undefined, mostSubscribers: 10 });
  fleet.join('me', REPOSITORY, report);
  fleet.report('me', report);
  const to = at(report.published?.ref ?? 'refs/heads/main', '3');
  fleet.changed(REPOSITORY, [{ ref: to.name, from: undefined, to }]);
  return JSON.parse([...fleet.document(() => true)].join('')) as FleetDocument;
}

/** JSON that looks like a report more often than not. */
const almost = fc.record(
  {
    stream: fc.oneof(fc.constant('s'), fc.string(), fc.jsonValue()),
    replaces: fc.oneof(fc.constant(null), fc.string(), fc.jsonValue()),
    instance: fc.oneof(fc.constant('i'), fc.string({ unit: 'binary', maxLength: 300 }), fc.jsonValue()),
    published: fc.oneof(
      fc.record({
        ref: fc.oneof(fc.constantFrom('HEAD', 'refs/heads/é'), fc.string({ unit: 'grapheme' }), fc.jsonValue()),
        oid: fc.oneof(oid, fc.jsonValue()),
        at: fc.oneof(fc.double(), fc.maxSafeInteger(), fc.constantFrom(0, 1e308, -1, 8.64e15, '1'), fc.jsonValue()),
      }),
      fc.jsonValue(),
    ),
    running: fc.oneof(fc.constant(null), fc.jsonValue()),
  },
  { requiredKeys: [] },
);

describe('a report', () => {
  test('fits into a header and is read again', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 50, unit: 'grapheme' }), oid, (instance, id) => {
        const published = { ref: 'refs/heads/main', oid: id, at: 5 };
        const report = {
          stream: 's',
          replaces: 'r',
          instance,
          published,
          running: undefined,
          failed: undefined,
          labels: {},
        };
        const text = writeReport(report);
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        if (isVisible(instance)) expect(readReport(text)).toEqual(report);
        else expect(refusal(text)).toMatch(/`instance`/);
      }),
    );
  });

  test('whatever is sent, it is refused with a reason, or it can be shown', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          almost.map((value) => JSON.stringify(value)),
          fc.json(),
          fc.string(),
        ),
        (text) => {
          const report = reportOf(text);
          if (!report) return;
          const [member] = show(report).repositories[0]?.instances ?? [];
          expect(member?.instance).toBe(report.instance);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test.each<readonly [string, RegExp]>([
    ['', /JSON/],
    ['null', /object/],
    ['[]', /object/],
    ['{"stream":1}', /`stream`/],
    ['{"stream":"s"}', /`instance`/],
    ['{"stream":"s\\n","instance":"i"}', /`stream`/],
    [JSON.stringify({ ...GOOD, instance: '' }), /`instance`/],
    [JSON.stringify({ ...GOOD, instance: 'x'.repeat(201) }), /`instance` has more than 200/],
    [JSON.stringify({ ...GOOD, instance: 'a\u001b[2J' }), /`instance`/],
    [JSON.stringify({ ...GOOD, instance: 'a\u202eb' }), /`instance`/],
    [JSON.stringify({ ...GOOD, replaces: 7 }), /`replaces`/],
    [JSON.stringify({ ...GOOD, pad: 'x'.repeat(9000) }), /8192 bytes/],
    [JSON.stringify({ ...GOOD, published: 7 }), /`published`/],
    [JSON.stringify({ ...GOOD, published: { ...GOOD.published, oid: 'zz' } }), /`published.oid`/],
    [JSON.stringify({ ...GOOD, published: { ...GOOD.published, ref: 'a b' } }), /`published.ref`/],
    [JSON.stringify({ ...GOOD, published: { ...GOOD.published, ref: 'x'.repeat(401) } }), /`published.ref`/],
    ...['1e308', '-1e308', '-1', '253402300800000', '8.64e15', '"1"', 'null'].map(
      (time) =>
        [JSON.stringify({ ...GOOD, published: { ...GOOD.published, at: '@' } }).replace('"@"', time), /\.at/] as const,
    ),
  ])('%s is refused with a reason', (text, reason) => expect(refusal(text)).toMatch(reason));

  test('the last date that is allowed can be shown', () => {
    const report = readReport(JSON.stringify({ ...GOOD, running: { ...GOOD.published, at: 253_402_300_799_999 } }));
    expect(show(report).repositories[0]?.instances[0]?.running?.since).toBe('9999-12-31T23:59:59.999Z');
  });
});
