import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';

const made: string[] = [];

afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});

/** A directory of its own for the running test; removed after it. */
export function tempDir(): string {
  const path = mkdtempSync(join(tmpdir(), 'gs-test-'));
  made.push(path);
  return path;
}
