import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

/** What only the Korean page has: how to get here from the set-ups that its readers have. */
const KOREAN_ONLY = [
  '지금 git-sync를 쓰고 있다면',
  '쓰던 구성 옮기기',
  '이미지 만들기',
  'git-sync v3.1.1: 환경 변수로 설정한 Pod',
  'git-sync v3.3.5: 플래그와 Secret으로 설정한 Pod',
  '`inotifywait` 스크립트를 run으로',
  'GitLab의 CPU가 100%일 때',
];

interface Section {
  readonly title: string;
  readonly level: number;
  /** The lines of its code blocks, without comments. */
  readonly code: string[];
  text: string;
}

/** The sections of a page; a `#` in a code block begins none. */
function sectionsOf(page: string): Section[] {
  const sections: Section[] = [];
  let section: Section | undefined;
  for (const [index, part] of readFileSync(page, 'utf8').split(/^```/m).entries()) {
    const lines = part.split('\n');
    if (index % 2 === 1) section?.code.push(...lines.map(withoutComment).filter(Boolean));
    else
      for (const line of lines) {
        const [, marks = '', title = ''] = /^(#+) (.*)/.exec(line) ?? [];
        if (marks !== '') {
          section = { title, level: marks.length, code: [], text: '' };
          sections.push(section);
        } else if (section) section.text += `${line}\n`;
      }
  }
  return sections;
}

const withoutComment = (line: string): string => line.replace(/(?:^|\s+)#.*/, '').trimEnd();

const found = (text: string, pattern: RegExp): string[] =>
  [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].sort();

/** What is the same in both languages: code, and where links lead out of the page. */
const factsOf = (text: string) => ({
  code: found(text, /`([^`]+)`/g),
  links: found(text, /\]\(([^)#][^)]*)\)/g),
});

/** The items of lists and the rows of tables, in their order. */
const itemsOf = (text: string): string[] => text.split('\n').filter((line) => /^[-|]/.test(line));

const numbersOf = (text: string): string[] => found(text.replace(/`[^`]*`|\]\([^)]*\)/g, ''), /(\d+(?:[.,]\d+)*)/g);

/** A translation may have more numbers: what English says in a word, Korean often says in digits. */
function missingNumbers(original: string, translation = ''): string[] {
  const translated = numbersOf(translation);
  return numbersOf(original).filter((number) => !translated.includes(number));
}

/** GitHub’s name of a heading in a link. */
const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const english = sectionsOf('README.md');
const all = sectionsOf('README.ko.md');
const korean = all.filter(({ title }) => !KOREAN_ONLY.includes(title));

describe('README.ko.md', () => {
  test('has the sections of README.md in the same order, and besides them only those for users of git-sync', () => {
    expect(korean.map(({ level }) => level)).toEqual(english.map(({ level }) => level));
    expect(all.filter((section) => !korean.includes(section)).map(({ title }) => title)).toEqual(KOREAN_ONLY);
  });

  test.each(english.map((section, index) => [section.title, section, korean[index]] as const))(
    'has the commands, options, links and numbers of “%s” of README.md',
    (_title, original, translation) => {
      expect(translation?.code).toEqual(original.code);
      const text = translation?.text ?? '';
      expect(factsOf(text)).toEqual(factsOf(original.text));
      expect(itemsOf(text).map(factsOf)).toEqual(itemsOf(original.text).map(factsOf));
      const items = itemsOf(text);
      expect(itemsOf(original.text).flatMap((item, at) => missingNumbers(item, items[at]))).toEqual([]);
      expect(missingNumbers(original.text, text)).toEqual([]);
    },
  );

  test('leads within itself only to headings that it has', () => {
    const anchors = all.map(({ title }) => anchorOf(title));
    const named = all.flatMap(({ text }) => found(text, /\]\(#([^)]*)\)/g));
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !anchors.includes(name))).toEqual([]);
  });
});
