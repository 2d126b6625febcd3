import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** Turns of phrase that a stranger who reads English as a second language stumbles over, and what to write instead. */
const STUMBLING: readonly (readonly [RegExp, string])[] = [
  [/\b(?:is|are|was|were) told\b/i, '“gets”, “receives”, “is notified”'],
  [/\bowed\b/i, '“pending”'],
  [/\b(?:relay|server|NATS|host|remote|sidecar) is away\b/i, '“is unreachable”'],
  [/\bits (?:last )?word\b/i, '“its last answer”'],
  [/\bhas its say\b/i, '“decides”'],
  [/\bcounts? as (?:ready|changed|unfinished|touched|a value)\b/i, '“is regarded as”'],
  [/\bwho (?:is|are) told\b/i, '“the subscriber receives”'],
];

function filesBelow(directory: string, ending: RegExp): string[] {
  return (readdirSync(directory, { recursive: true }) as string[])
    .filter((path) => ending.test(path))
    .map((path) => join(directory, path));
}

const FILES = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...filesBelow('docs', /\.md$/),
  ...filesBelow('deploy', /\.(?:ya?ml|md|txt|service)$/),
  ...filesBelow('src', /\.ts$/),
  ...filesBelow('bench', /\.[jt]s$/),
];

/** A comment that goes over several lines is one text. What a page quotes in “…” is not its own text. */
function textOf(path: string): string {
  return readFileSync(path, 'utf8')
    .replace(/\n[ \t]*(?:\*(?!\/)|\/\/|#)?[ \t]*/g, ' ')
    .replace(/“[^”]*”/g, '');
}

test.each(STUMBLING)('no page, comment or message says %s: write %s', (phrase) => {
  const found = FILES.flatMap((path) => {
    const at = textOf(path).search(phrase);
    return at < 0 ? [] : [`${path}: …${textOf(path).slice(Math.max(0, at - 40), at + 40)}…`];
  });
  expect(found).toEqual([]);
});
