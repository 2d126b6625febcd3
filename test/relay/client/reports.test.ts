import { describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/platform/clock.ts';
import { Reports } from '../../../src/relay/client/reports.ts';
import { LONGEST_REASON, type Report, readReport } from '../../../src/relay/protocol/report.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { httpStub } from '../../kit/http-stub.ts';
import { silentLog } from '../../kit/silent-log.ts';
import { until } from '../../peers/wait.ts';
import { oid } from '../rollout/kit.ts';

const REF = 'refs/heads/main';

async function setUp(clock: Clock = systemClock) {
  const taken: Report[] = [];
  const relay = await httpStub(({ body }, response) => {
    taken.push(readReport(body));
    response.end();
  });
  const settings = { verify: true, caFile: undefined, clientCertificate: undefined, proxy: undefined } as const;
  const reports = new Reports({
    ...{
      url: relay.url,
      instance: 'web-1',
      settings,
      token: async () => undefined,
      clock,
      log: silentLog,
    },
  });
  /** What a new stream would bring along. */
  const now = () => readReport(reports.forNewStream(undefined));
  return { reports, now, taken };
}

describe('a report', () => {
  test('has the failure of the exechook until that succeeds', async () => {
    const { reports, now } = await setUp();
    reports.hook({ ref: REF, oid: oid(2), reason: 'exit 1\nno such table' });
    expect(now().failed).toMatchObject({ ref: REF, oid: oid(2), reason: 'exit 1\\nno such table' });
    reports.hook(undefined);
    expect(now().failed).toBeUndefined();
    reports.close();
  });

  test('has what `run` says of its process rather than what the exechook says', async () => {
    const { reports, now } = await setUp();
    reports.hook({ ref: REF, oid: oid(2), reason: 'the exechook failed' });
    const process = { oid: oid(1), state: 'ready', ended: 0, reason: undefined, output: [] } as const;
    reports.run(REF, { running: oid(1), failed: { oid: oid(2), reason: 'the process failed', output: [] }, process });
    expect(now()).toMatchObject({ running: { oid: oid(1) }, failed: { reason: 'the process failed' } });
    reports.run(REF, { running: oid(2), failed: undefined, process: { ...process, oid: oid(2) } });
    expect(now()).toMatchObject({ running: { oid: oid(2) }, failed: { reason: 'the exechook failed' } });
    reports.hook(undefined);
    expect(now().failed).toBeUndefined();
    reports.close();
  });

  test('is about the ref that is published, also where run spoke before that was known', async () => {
    const { reports, now } = await setUp();
    const process = { oid: oid(2), state: 'ready', ended: 0, reason: undefined, output: [] } as const;
    reports.run('main', { running: oid(2), failed: { oid: oid(3), reason: 'it failed', output: [] }, process });
    expect(now()).toMatchObject({ running: { ref: 'main' }, process: { of: { ref: 'main' } } });
    reports.published({ ref: REF, oid: oid(2) });
    const { running, failed, process: reported } = now();
    expect([running?.ref, failed?.ref, reported?.of?.ref]).toEqual([REF, REF, REF]);
    reports.close();
  });

  test('says since when the process is in its state, how often it ended and why', async () => {
    const { reports, now } = await setUp();
    const process = { oid: oid(2), state: 'restarting', ended: 3, reason: 'exit\n7', output: [] } as const;
    reports.run(REF, { running: undefined, failed: undefined, process });
    const { at } = now().process ?? {};
    expect(now()).toMatchObject({ process: { state: 'restarting', ended: 3, reason: 'exit\\n7' } });
    expect(now().running).toBeUndefined();
    reports.run(REF, { running: undefined, failed: undefined, process });
    expect(now().process?.at).toBe(at);
    reports.close();
  });

  test('is sent at most once a second after the first few, however often the process changes, and ends with the newest', async () => {
    const clock = new HandClock();
    const { reports, taken } = await setUp(clock);
    reports.forNewStream(undefined);
    reports.opened();
    const process = { oid: oid(2), state: 'restarting', reason: undefined, output: [] } as const;
    const flap = async (from: number): Promise<void> => {
      for (let ended = from; ended < from + 50; ended += 1) {
        reports.run(REF, { running: undefined, failed: undefined, process: { ...process, ended } });
        await new Promise((done) => setImmediate(done));
      }
    };
    await flap(0);
    await until('the first few are taken', () => taken.length === 5);
    await flap(50);
    expect(taken).toHaveLength(5);
    await clock.advance(1000);
    await until('the newest is taken', () => taken.at(-1)?.process?.ended === 99);
    expect(taken).toHaveLength(6);
    reports.close();
  });

  test('is written without what the process wrote where it is a header; that follows when the stream is open', async () => {
    const { reports, now, taken } = await setUp();
    const process = {
      oid: oid(2),
      state: 'restarting',
      ended: 1,
      reason: 'exit 7',
      output: ['a', 'b\u001b[2J'],
    } as const;
    reports.run(REF, { running: undefined, failed: undefined, process });
    expect(now().process).not.toHaveProperty('output');
    reports.opened();
    await until('it follows', () => taken.length === 1);
    expect(taken[0]?.process?.output).toEqual(['a', 'b\\u001b[2J']);
    reports.close();
  });

  test('has room for what it says, whatever a process wrote: the last lines are what is kept', async () => {
    const { reports, now, taken } = await setUp();
    const output = Array.from({ length: 50 }, (_, index) => `${index} ${'\u4f60'.repeat(100)}`);
    const failed = { oid: oid(3), reason: '\u4f60'.repeat(500), output: ['\u4f60'.repeat(4000)] };
    reports.run(REF, {
      running: undefined,
      failed,
      process: { oid: oid(2), state: 'restarting', ended: 1, reason: 'x', output },
    });
    now();
    reports.opened();
    await until('it is sent', () => taken.length === 1);
    expect(taken[0]?.process?.output?.at(-1)).toBe(output.at(-1));
    expect(taken[0]?.failed?.output?.[0]).toMatch(/^\u4f60+$/);
    reports.close();
  });

  test('is not sent on a stream on which the relay takes none', async () => {
    const { reports, now, taken } = await setUp();
    now();
    reports.opened('refused: the access file does not let this token or certificate be `web-1`');
    reports.published({ ref: REF, oid: oid(2) });
    await reports.sent();
    now();
    reports.opened();
    reports.published({ ref: REF, oid: oid(3) });
    await reports.sent();
    expect(taken.map(({ published }) => published?.oid)).toEqual([oid(3)]);
    reports.close();
  });

  test('has no reason that a relay would refuse', async () => {
    const { reports, now } = await setUp();
    reports.hook({ ref: REF, oid: oid(2), reason: '👍'.repeat(LONGEST_REASON) });
    expect(now().failed?.reason.length).toBeLessThanOrEqual(LONGEST_REASON);
    reports.close();
  });
});
