import { describe, expect, test } from 'vitest';
import { ownNode } from '../../../src/platform/process/own-node.ts';

describe('the Node that runs this process', () => {
  test('is started by its own name where it was started so', () => {
    const directory = '/src/dist';
    expect(ownNode({ execPath: '/usr/bin/node', directory })).toEqual({ file: '/usr/bin/node', args: [] });
  });

  test('of an installed copy is started by its loader, with its libraries', () => {
    const directory = '/opt/git-sidecar/lib';
    for (const loader of ['ld-linux-x86-64.so.2', 'ld-linux-aarch64.so.1', 'ld-musl-x86_64.so.1']) {
      const execPath = `${directory}/${loader}`;
      const args = ['--library-path', directory, '/opt/git-sidecar/bin/node'];
      expect(ownNode({ execPath, directory })).toEqual({ file: execPath, args });
    }
  });
});
