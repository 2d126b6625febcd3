import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { optimizing } from '../../src/platform/engine.ts';

describe('the options of V8', () => {
  test('are put back to what a process starts with', () => {
    const options = spawnSync(process.execPath, ['--v8-options']).stdout.toString();
    const known = optimizing(process.versions.v8);
    expect(known.length).toBe(1);
    for (const { asItIs, modest } of known) {
      expect(options).toContain(`default: ${asItIs}\n`);
      expect(modest).not.toBe(asItIs);
    }
  });

  test.each(['11.3.244.8-node.38', '12.4.254.21-node.57', '13.6.233.17-node.53', '14.6.202.34-node.40'])(
    'are known of %s',
    (version) => expect(optimizing(version)).toHaveLength(1),
  );

  test.each(['10.2.154', '15.0.1', ''])('are left alone of %j, whose options are not known', (version) =>
    expect(optimizing(version)).toEqual([]),
  );

  test('are set without a word on the error output', () => {
    const options = optimizing(process.versions.v8).flatMap(({ asItIs, modest }) => [modest, asItIs]);
    const set = `const { setFlagsFromString: set } = require('node:v8'); for (const each of ${JSON.stringify(options)}) set(each);`;
    expect(spawnSync(process.execPath, ['-e', set]).stderr.toString()).toBe('');
  });
});
