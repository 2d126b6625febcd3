import { distance } from 'fastest-levenshtein';

const MOST = 3;

/** Short names of the refs that the user most likely meant by `wanted`, the nearest first; some of them when none is near. */
export function nearestRefs(wanted: string, names: readonly string[]): readonly string[] {
  const bare = wanted.replace(/^refs\/(?:heads|tags)\//, '').toLowerCase();
  const short = [...new Set(names.map((name) => name.replace(/^refs\/(?:heads|tags)\//, '')))];
  return short
    .map((name) => ({
      name,
      far: distance(bare, name.toLowerCase()) - (name.toLowerCase().includes(bare) ? bare.length : 0),
    }))
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, MOST)
    .map(({ name }) => name);
}
