import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SECTION_NAMES, sectionKey, sectionRows } from '../../../src/config/document/rows.ts';
import { load } from './kit.ts';

const TEXT = readFileSync('docs/document.md', 'utf8');
const EXAMPLES = [...TEXT.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, source = '']) => source);

describe('docs/document.md', () => {
  test.each(EXAMPLES)('this example is a document:\n%s', (source) => {
    expect(load(source, { files: { '/etc/git-secret/token': 'x' } }).units.length).toBeGreaterThan(0);
  });

  test('names every key of the sections', () => {
    for (const section of SECTION_NAMES) {
      const row = TEXT.split('\n').find((line) => line.startsWith(`| \`${section}\` |`));
      expect(row).toBeDefined();
      for (const each of sectionRows(section)) expect(row).toContain(`\`${sectionKey(section, each)}\``);
    }
  });
});
