import { describe, expect, test } from 'vitest';
import { boundedEscaped, boundedText } from '../../../src/relay/answers/bounded-text.ts';

describe('a text that is too long', () => {
  test('is cut between characters, and says that it was', () => {
    expect(boundedText('abc', 3)).toBe('abc');
    expect(boundedText('abcd', 3)).toBe('ab…');
    expect(boundedText('👍👍👍👍', 3)).toBe('👍👍…');
  });

  test('is cut between escapes', () => {
    const escaped = (character: string): string => (character === '&' ? '&amp;' : character);
    expect(boundedEscaped('a&b', 10, escaped)).toBe('a&amp;b');
    expect(boundedEscaped('a&&&&', 10, escaped)).toBe('a&amp;…');
  });
});
