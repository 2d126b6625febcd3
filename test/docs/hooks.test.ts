import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cloudEvent } from '../../src/notify/cloud-event.ts';
import { hookVariables } from '../../src/notify/hook-variables.ts';
import { SAMPLE_NOTIFICATION, sampleDetails } from '../kit/sample-details.ts';

const PAGE = readFileSync('docs/hooks.md', 'utf8');

/** The first column of each table whose head begins with `head`. */
function rowsOf(head: string): string[][] {
  const tables = PAGE.split(`\n| ${head} |`).slice(1);
  return tables.map((text) => {
    const lines = text.split('\n').slice(2);
    const end = lines.findIndex((line) => !line.startsWith('|'));
    return lines.slice(0, end).map((line) => /^\| `(\w+)`/.exec(line)?.[1] ?? line);
  });
}

const details = sampleDetails();
const [fields, change] = rowsOf('field');

test('docs/hooks.md lists the fields of the details, in their order', () => {
  expect(fields).toEqual(Object.keys(details));
});

test('docs/hooks.md lists the fields of a change', () => {
  expect(change).toEqual(Object.keys(details.changes?.at(1) ?? {}));
});

test('docs/hooks.md lists the variables', () => {
  const [variables = []] = rowsOf('variable');
  expect(variables.sort()).toEqual(['GITSYNC_HASH', ...Object.keys(hookVariables(details))].sort());
});

test('docs/hooks.md lists the attributes of the event', () => {
  expect(rowsOf('attribute')[0]).toEqual(Object.keys(cloudEvent('file://host/git/link', SAMPLE_NOTIFICATION, details)));
});

test('docs/hooks.md names every reason why changes are unknown', () => {
  const source = readFileSync('src/notify/publish-details.ts', 'utf8');
  const reasons = [...source.matchAll(/^ {2}\| '([\w-]+)'/gm)].map(([, reason]) => `\`${reason}\``);
  expect(reasons).toHaveLength(3);
  const row = PAGE.split('\n').find((line) => line.startsWith('| `changesUnknown`'));
  for (const reason of reasons) expect(row).toContain(reason);
});
