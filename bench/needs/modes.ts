import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { GIT_ENV } from '../../test/kit/upstream.ts';

export interface Place {
  readonly url: string;
  readonly directory: string;
}

/** A way to follow a repository. */
export interface Mode {
  readonly name: string;
  readonly args: (place: Place) => readonly string[];
  /** The commit that is there, with everything done for it; undefined while there is none. */
  readonly reached: (place: Place, output: string) => string | undefined;
}

const linkOf = ({ directory }: Place): string | undefined => {
  try {
    return basename(readlinkSync(join(directory, 'root/link')));
  } catch {
    return undefined;
  }
};

const deployedOf = (_place: Place, output: string): string | undefined =>
  [...output.matchAll(/"hash":"([0-9a-f]+)","outcome":"deployed"/g)].at(-1)?.[1];

const source = ({ url, directory }: Place): string[] => [
  `--repo=${url}`,
  '--ref=main',
  `--root=${directory}/root`,
  '--link=link',
  '--period=1s',
  '--max-failures=-1',
];

export const SYNC: Mode = { name: 'sync', args: (place) => ['sync', ...source(place)], reached: linkOf };

export const MODES: readonly Mode[] = [
  SYNC,
  { name: 'sync --no-spare', args: (place) => ['sync', ...source(place), '--no-spare'], reached: linkOf },
  {
    name: 'run --repo',
    args: (place) => [
      ...['run', ...source(place), `--state=${place.directory}/state`, '--ready-delay=100ms'],
      ...['--', 'sleep', '1000'],
    ],
    reached: deployedOf,
  },
  {
    name: 'relay',
    args: ({ url, directory }) => [
      ...['relay', `--root=${directory}/relay`, `--allow=${url}`, `--follow=${url}`],
      ...['--period=1s', '--http-bind=127.0.0.1:0'],
    ],
    reached: ({ directory }) => {
      const mirrors = join(directory, 'relay/repositories');
      const [mirror] = readdirSync(mirrors, { withFileTypes: true }).filter((entry) => entry.isDirectory());
      if (!mirror) return undefined;
      const cwd = join(mirrors, mirror.name);
      const asked = execFileSync('git', ['rev-parse', 'refs/heads/main'], {
        env: GIT_ENV,
        cwd,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return asked.toString().trim();
    },
  },
];
