import { describe, expect, test } from 'vitest';
import { readMemoryGroup } from '../../src/platform/memory-limit.ts';

const MAX_V1 = '9223372036854771712\n';

describe('the memory limit of our control group', () => {
  test.each([
    [
      'version 2, in a container that sees only its own part',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': '67108864\n' },
      67108864,
    ],
    [
      'version 2, the bound of a group around ours',
      {
        '/proc/self/cgroup': '0::/pod/ctr\n',
        '/sys/fs/cgroup/pod/ctr/memory.max': 'max\n',
        '/sys/fs/cgroup/pod/memory.max': '33554432\n',
      },
      33554432,
    ],
    [
      'version 1, whose path is that of the host',
      {
        '/proc/self/cgroup': '9:memory:/kubepods/x\n1:name=systemd:/\n0::/\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '134217728\n',
      },
      134217728,
    ],
    [
      'version 1, the smallest bound of all groups around ours',
      {
        '/proc/self/cgroup': '9:memory:/kubepods/pod/ctr\n',
        '/sys/fs/cgroup/memory/kubepods/pod/ctr/memory.limit_in_bytes': MAX_V1,
        '/sys/fs/cgroup/memory/kubepods/pod/memory.limit_in_bytes': '67108864\n',
        '/sys/fs/cgroup/memory/kubepods/memory.limit_in_bytes': '8589934592\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': MAX_V1,
      },
      67108864,
    ],
    [
      'version 2, four groups deep, of which the second is the smallest',
      {
        '/proc/self/cgroup': '0::/a/b/c/d\n',
        '/sys/fs/cgroup/a/b/c/d/memory.max': '268435456\n',
        '/sys/fs/cgroup/a/b/c/memory.max': 'max\n',
        '/sys/fs/cgroup/a/b/memory.max': '33554432\n',
        '/sys/fs/cgroup/a/memory.max': '134217728\n',
      },
      33554432,
    ],
    [
      'version 1 without a bound',
      { '/proc/self/cgroup': '4:cpu,memory:/\n', '/sys/fs/cgroup/memory/memory.limit_in_bytes': MAX_V1 },
      undefined,
    ],
    ['version 2 without a bound', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': 'max\n' }, undefined],
    ['no control groups', {}, undefined],
    ['what nobody has seen yet', { '/proc/self/cgroup': 'x\n0:\n' }, undefined],
  ])('%s', (_what, files: Record<string, string>, limit) => {
    expect(readMemoryGroup((path) => files[path]).limit).toBe(limit);
  });

  test('counts the processes that the kernel killed, as often as it is asked', () => {
    const files: Record<string, string> = {
      '/proc/self/cgroup': '0::/a\n',
      '/sys/fs/cgroup/a/memory.events': 'low 0\noom 3\noom_kill 2\n',
    };
    const group = readMemoryGroup((path) => files[path]);
    expect(group.kills()).toBe(2);
    files['/sys/fs/cgroup/a/memory.events'] = 'oom_kill 3\n';
    expect(group.kills()).toBe(3);
  });
});
