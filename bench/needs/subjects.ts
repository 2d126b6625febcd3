import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { git, Upstream } from '../../test/kit/upstream.ts';
import { largeRepository, tinyRepository } from '../repositories.ts';

/** A repository, and how it changes. */
export interface Subject {
  readonly name: string;
  readonly make: (directory: string) => Upstream;
  /** Files of the next commit. */
  readonly change: (upstream: Upstream, round: number) => void;
}

const MANY = 10_000;
const LARGE_BYTES = 50_000_000;

export const SUBJECTS: readonly Subject[] = [
  {
    name: '3 tiny files',
    make: tinyRepository,
    change: (upstream, round) => upstream.write({ 'app/main': `round ${round}\n` }),
  },
  {
    name: '10,000 small files',
    make: (directory) => largeRepository(directory, MANY),
    change: (upstream, round) => upstream.write({ 'd7/f700': `round ${round}\n`, 'd9/f900': `round ${round}\n` }),
  },
  {
    name: '3 files of 50 MB',
    make: (directory) => {
      const upstream = new Upstream(directory, 'large.git');
      for (const place of [upstream.bare, upstream.work]) git(place, 'config', 'core.compression', '0');
      for (const name of ['a', 'b', 'c']) writeFileSync(join(upstream.work, name), randomBytes(LARGE_BYTES));
      upstream.commit({});
      return upstream;
    },
    change: (upstream) => writeFileSync(join(upstream.work, 'b'), randomBytes(LARGE_BYTES)),
  },
];
