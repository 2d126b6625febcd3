import { closest, distance } from 'fastest-levenshtein';

/** The candidate that the user most likely meant by `word`, or undefined when none is near. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  if (word === '' || candidates.length === 0) return undefined;
  const nearest = closest(word, candidates);
  return distance(word, nearest) <= Math.max(2, Math.floor(word.length / 3)) ? nearest : undefined;
}
