import { expect, test } from 'vitest';
import { createProcessRunner } from '../../../src/platform/process/runner.ts';

test('a command that is to stand back gives way to others, with all that it starts', async () => {
  const { PATH = '' } = process.env;
  const script = 'read -r go; sh -c "cut -d\' \' -f19 /proc/self/stat"';
  const command = { file: 'sh', args: ['-c', script], env: { PATH }, stdin: 'go\n' };
  const nicenessOf = async (more: { niceness?: number }): Promise<number> =>
    Number((await createProcessRunner().run({ ...command, ...more })).stdout.toString());
  const own = await nicenessOf({});
  expect(await nicenessOf({ niceness: 15 })).toBe(15);
  expect(own).toBeLessThan(15);
});
