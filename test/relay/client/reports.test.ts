import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/platform/clock.ts';
import { Reports } from '../../../src/relay/client/reports.ts';
import { LONGEST_REASON, readReport } from '../../../src/relay/protocol/report.ts';
import { httpStub } from '../../kit/http-stub.ts';
import { silentLog } from '../../kit/silent-log.ts';
import { oid } from '../rollout/kit.ts';

const REF = 'refs/heads/main';

async function setUp() {
  const relay = await httpStub((_request, response) => void response.end());
  const settings = { verify: true, caFile: undefined, clientCertificate: undefined, proxy: undefined } as const;
  const reports = new Reports({
    ...{
      url: relay.url,
      instance: 'web-1',
      settings,
      token: async () => undefined,
      clock: systemClock,
      log: silentLog,
    },
  });
  /** What a new stream would bring along. */
  const now = () => readReport(reports.forNewStream(undefined));
  return { reports, now };
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

  test('has no reason that a relay would refuse', async () => {
    const { reports, now } = await setUp();
    reports.hook({ ref: REF, oid: oid(2), reason: '👍'.repeat(LONGEST_REASON) });
    expect(now().failed?.reason.length).toBeLessThanOrEqual(LONGEST_REASON);
    reports.close();
  });
});
