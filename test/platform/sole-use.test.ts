import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { takeSoleUse } from '../../src/platform/sole-use.ts';
import { tempDir } from '../kit/temp.ts';

/** Leaves a socket behind on which nobody listens, as a process does that is killed. */
async function leaveDeadSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', script, path], { stdio: 'ignore' }), 'close');
}

describe('the sole use of a directory', () => {
  test('is had by one at a time, and by the next one when it was given back', async () => {
    const dir = tempDir();
    const first = await takeSoleUse(dir);
    expect(first?.wasInterrupted).toBe(false);
    expect(await takeSoleUse(dir)).toBe(undefined);
    first?.release();
    const second = await takeSoleUse(dir);
    expect(second?.wasInterrupted).toBe(false);
    second?.release();
    expect(readdirSync(dir)).toEqual([]);
  });

  test('passes on when its process was killed, which the next one sees', async () => {
    const dir = tempDir();
    await leaveDeadSocket(join(dir, '.in-use.0123456789abcdef'));
    const next = await takeSoleUse(dir);
    expect(next?.wasInterrupted).toBe(true);
    expect(await takeSoleUse(dir)).toBe(undefined);
    next?.release();
  });

  test('is had by one only when many want it at once, also where a killed process had it', async () => {
    const dir = tempDir();
    await leaveDeadSocket(join(dir, '.in-use.0123456789abcdef'));
    const all = await Promise.all(Array.from({ length: 20 }, async () => await takeSoleUse(dir)));
    expect(all.filter((each) => each !== undefined)).toHaveLength(1);
    for (const each of all) each?.release();
  });

  test('is not kept from anybody by a file that is no socket, and a long path is none too long', async () => {
    const dir = join(tempDir(), ...Array.from({ length: 3 }, () => 'x'.repeat(100)));
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, '.in-use.0123456789abcdef'), 'text');
    const use = await takeSoleUse(dir);
    expect(use?.wasInterrupted).toBe(true);
    use?.release();
  });
});
