import { describe, expect, test } from 'vitest';
import { gitNiceness, readCpuGroup } from '../../src/platform/cpu-limit.ts';

const from = (files: Record<string, string>) => readCpuGroup((path) => files[path]);

describe('the processor time of our control group', () => {
  test.each([
    [
      'version 2, in a container that sees only its own part',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '2000 100000\n' },
      0.02,
    ],
    [
      'version 2, the smallest bound of all groups around ours',
      {
        '/proc/self/cgroup': '0::/pod/ctr\n',
        '/sys/fs/cgroup/pod/ctr/cpu.max': '200000 100000\n',
        '/sys/fs/cgroup/pod/cpu.max': '50000 100000\n',
        '/sys/fs/cgroup/cpu.max': 'max 100000\n',
      },
      0.5,
    ],
    [
      'version 1, whose path is that of the host',
      {
        '/proc/self/cgroup': '5:memory:/x\n3:cpu,cpuacct:/kubepods/x\n0::/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '10000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      0.1,
    ],
    [
      'version 1 without a bound',
      {
        '/proc/self/cgroup': '3:cpu:/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      undefined,
    ],
    [
      'version 2 without a bound',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' },
      undefined,
    ],
    ['a group for accounts only', { '/proc/self/cgroup': '2:cpuacct:/\n' }, undefined],
    ['no control groups', {}, undefined],
  ])('%s', (_what, files: Record<string, string>, limit) => {
    expect(from(files).limit).toBe(limit);
  });

  test('counts how long it was held back, by its own bound or by one around it, in each version', () => {
    const version2 = {
      '/proc/self/cgroup': '0::/pod/ctr\n',
      '/sys/fs/cgroup/pod/ctr/cpu.stat': 'usage_usec 9\nnr_throttled 1\nthrottled_usec 2000\n',
      '/sys/fs/cgroup/pod/cpu.stat': 'usage_usec 9\nnr_throttled 7\nthrottled_usec 5000\n',
    };
    expect(from(version2).heldBackMs()).toBe(5);
    const version1 = {
      '/proc/self/cgroup': '3:cpu:/\n',
      '/sys/fs/cgroup/cpu/cpu.stat': 'nr_periods 3\nnr_throttled 2\nthrottled_time 7000000\n',
    };
    expect(from(version1).heldBackMs()).toBe(7);
    expect(from({}).heldBackMs()).toBe(0);
  });

  test.each([
    [0.02, true],
    [0.5, true],
    [0.6, false],
    [undefined, false],
  ])('with %s cores git lets probes go first: %s', (limit, yields) => {
    expect(gitNiceness({ limit, heldBackMs: () => 0 }) !== undefined).toBe(yields);
  });
});
