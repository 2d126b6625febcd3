import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Every file below `directory` with one of the endings, as a path from the root of the repository. */
function filesBelow(directory: string, endings: readonly string[]): string[] {
  return (readdirSync(directory, { recursive: true }) as string[])
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .map((path) => join(directory, path));
}

const PAGES = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...filesBelow('docs', ['.md']),
  ...filesBelow('.github', ['.md']),
];
const CODE = ['src', 'test', 'bench'].flatMap((directory) => filesBelow(directory, ['.ts', '.js']));
const ADRS = readdirSync('docs/adr').filter((name) => /^\d{4}-.*\.md$/.test(name));

const read = (path: string): string => readFileSync(path, 'utf8');
const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

/**
 * The beginning of a name is enough where it is meant as one: `docs/adr/0004` for a decision, `test/compat/3` for tests
 * to run. `src/config/options/*` stands for its folder.
 */
function isThere(path: string): boolean {
  const whole = path.replace(/\/?\*.*$/, '').replace(/[./]+$/, '');
  const isBeginning = /^docs\/adr\/\d{4}$/.test(whole) || whole.startsWith('test/');
  return existsSync(whole) || (isBeginning && [...PAGES, ...CODE].some((file) => file.startsWith(whole)));
}

/** Sections of docs/compat.md as they are cited: `1` to `13`, `1.1` to `1.6`, and the items of a numbered list, `9.16`. */
function compatSections(): Set<string> {
  const sections = new Set<string>();
  let section = '';
  for (const line of read('docs/compat.md').split('\n')) {
    const heading = /^#{2,3} (\d+(?:\.\d+)?)\.? /.exec(line)?.[1];
    if (heading !== undefined) section = heading;
    const item = /^(\d+)\. /.exec(line)?.[1];
    if (section !== '') sections.add(item === undefined ? section : `${section}.${item}`);
  }
  return sections;
}

describe('pages', () => {
  test.each(PAGES)('%s names only files and folders that exist', (page) => {
    const named = matches(read(page), /(?<![\w./-])((?:docs|src|test|bench|scripts|deploy)\/[\w./*@-]*[\w*])/g);
    expect(named.filter((path) => !isThere(path))).toEqual([]);
  });

  test.each(PAGES)('%s names only source files that exist, also without their folder', (page) => {
    const named = matches(read(page), /`([\w./-]+\.ts)`/g);
    expect(named.filter((name) => !CODE.some((path) => path === name || path.endsWith(`/${name}`)))).toEqual([]);
  });

  const linksOf = (page: string): string[] =>
    matches(read(page), /\]\(([^)\s#]+)(?:#[^)]*)?\)/g).filter((link) => !/^[a-z]+:/.test(link));

  test.each(PAGES)('%s has no dead link to another page', (page) => {
    expect(linksOf(page).filter((link) => !existsSync(join(dirname(page), link)))).toEqual([]);
  });

  test('in the npm package link to nothing that the package lacks', () => {
    const command = ['pack', '--dry-run', '--json', '--ignore-scripts'];
    const [listed] = JSON.parse(
      execFileSync('npm', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
    const packed: string[] = listed.files.map(({ path }: { path: string }) => path);
    const isPacked = (path: string): boolean => packed.some((each) => each === path || each.startsWith(`${path}/`));
    const pages = packed.filter((path) => path.endsWith('.md'));
    expect(pages).toContain('README.md');
    for (const page of pages)
      expect(
        linksOf(page).filter((link) => !isPacked(join(dirname(page), link))),
        page,
      ).toEqual([]);
  });
});

describe('citations in the code', () => {
  test('each section of docs/compat.md that a comment or a test cites is there', () => {
    const sections = compatSections();
    const missing = CODE.flatMap((path) =>
      [...read(path).matchAll(/\bcompat(?:\.md)? (\d+(?:\.\d+)?(?:(?:,| and) \d+(?:\.\d+)?(?![\w.]))*)/g)]
        .flatMap((match) => (match[1] ?? '').split(/,| and /))
        .map((section) => section.trim())
        .filter((section) => !sections.has(section))
        .map((section) => `${path}: compat.md ${section}`),
    );
    expect(missing).toEqual([]);
  });

  test('docs/compat.md has sections 1 to 13 and 1.1 to 1.6, and 17 faults', () => {
    const sections = compatSections();
    const numbers = (many: number, before = ''): string[] => Array.from({ length: many }, (_, at) => before + (at + 1));
    const wanted = [...numbers(13), ...numbers(6, '1.'), ...numbers(17, '9.')];
    expect(wanted.filter((section) => !sections.has(section))).toEqual([]);
  });

  test('each decision that a comment or a test cites has its page', () => {
    const cited = CODE.flatMap((path) => matches(read(path), /(?:\bdesign(?:\.md)? D|\bdocs\/adr\/0*)(\d+)/g));
    const missing = cited.filter((number) => !ADRS.some((name) => name.startsWith(`${number.padStart(4, '0')}-`)));
    expect(missing).toEqual([]);
  });
});

describe('docs/adr', () => {
  test('pages are numbered from 1 without a gap, by name and by title, and listed in order', () => {
    const numbers = ADRS.map((name) => Number(name.slice(0, 4)));
    expect(numbers).toEqual(ADRS.map((_, at) => at + 1));
    expect(ADRS.map((name) => Number(/^# (\d+)\. /.exec(read(join('docs/adr', name)))?.[1]))).toEqual(numbers);
    expect(matches(read('docs/adr/README.md'), /\]\((\d{4}-[\w-]+\.md)\)/g)).toEqual(ADRS);
  });

  test.each(ADRS)('%s has its five parts', (name) => {
    const text = read(join('docs/adr', name));
    expect(text).toMatch(/^\*\*State:\*\* accepted/m);
    expect(matches(text, /^## (.*)$/gm)).toEqual(['Context', 'Decision', 'Consequences', 'In the code']);
  });

  test.each(ADRS)('%s names only what is in the file that it names for it', (name) => {
    const pairs = [...read(join('docs/adr', name)).matchAll(/((?:`[\w.]+`(?:, | and )?)+) in `(src\/[\w./-]+\.ts)`/g)];
    const missing = pairs.flatMap(([, symbols = '', path = '']) =>
      matches(symbols, /`(?:\w+\.)?(\w+)`/g)
        .filter((symbol) => !new RegExp(`\\b${symbol}\\b`).test(read(path)))
        .map((symbol) => `${symbol} in ${path}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('the glossary', () => {
  test('of docs/architecture.md is in the order of the alphabet and has each word once', () => {
    const glossary = read('docs/architecture.md').split('\n## Glossary\n')[1] ?? '';
    const words = matches(glossary, /^\| ([a-z][a-z -]*) \|/gm).filter((word) => word !== 'word');
    expect(words.length).toBeGreaterThan(30);
    expect(words).toEqual([...new Set(words)].sort());
  });
});
