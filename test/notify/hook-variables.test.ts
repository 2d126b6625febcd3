import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { hookVariables, quotePath } from '../../src/notify/hook-variables.ts';
import type { Change } from '../../src/notify/publish-details.ts';
import { ODD_NAMES } from '../kit/odd-names.ts';
import { sampleDetails } from '../kit/sample-details.ts';

function changeOf(bytes: Buffer): Change {
  return { path: bytes.toString(), pathBase64: bytes.toString('base64'), change: 'added' };
}

/** What a person who reads the line gets back. */
function unquote(line: string): Buffer {
  if (!line.startsWith('"')) return Buffer.from(line);
  const named: Record<string, string> = { t: '\t', n: '\n', r: '\r', '"': '"', '\\': '\\' };
  const text = line.slice(1, -1).replace(/\\(?:([0-7]{3})|(.))/g, (_all, octal?: string, letter?: string) => {
    return octal === undefined ? (named[letter ?? ''] ?? '?') : String.fromCharCode(Number.parseInt(octal, 8));
  });
  return Buffer.from(text, 'latin1');
}

describe('the variables of a hook', () => {
  test('hold the paths, one a line, each of which can be turned back into its bytes', () => {
    for (const name of ODD_NAMES) {
      const line = quotePath(changeOf(name));
      expect(line).not.toContain('\n');
      expect(unquote(line)).toEqual(name);
    }
  });

  test('are empty where something is not known, and say that the paths are not', () => {
    const unknown = { author: null, authoredAt: null, subject: null, oldCommit: null, changes: null };
    const { GITSYNC_CHANGES, GITSYNC_REF, ...others } = hookVariables(sampleDetails(unknown));
    expect(GITSYNC_CHANGES).toBe('unknown');
    expect([...new Set(Object.values(others))]).toEqual(['']);
  });

  test('never get too long for a program to start, and say that the list of paths is cut', () => {
    const changes = Array.from(
      { length: 1000 },
      (_, index): Change => ({ path: `${index}${'é'.repeat(100)}`, change: 'added' }),
    );
    const text = '\u0001'.repeat(1024);
    const variables = hookVariables(sampleDetails({ changes, subject: text, author: { name: text, email: text } }));
    expect(variables.GITSYNC_CHANGES).toBe('truncated');
    expect(Buffer.byteLength(variables.GITSYNC_CHANGED_PATHS ?? '')).toBeLessThanOrEqual(16 * 1024);
    const all = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    expect(Buffer.byteLength(all.join('\0'))).toBeLessThan(32 * 1024);
    execFileSync('/bin/true', [], { env: variables });
  });

  test('can be set whatever a commit says about itself', () => {
    const variables = hookVariables(
      sampleDetails({ subject: 'nul \0 and \n line', author: { name: '\0', email: '' } }),
    );
    execFileSync('/bin/true', [], { env: variables });
    expect(variables.GITSYNC_SUBJECT).toBe('nul  and \n line');
  });
});
