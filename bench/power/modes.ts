import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readTree, type Tree } from './trees.ts';

/** One way of using git-sidecar, on a disk of its own. */
export interface Mode {
  readonly name: string;
  readonly program: string;
  /** @param place the mount point of the disk @param starts a file elsewhere, to which the application adds its digest */
  readonly args: (bare: string, place: string, starts: string) => readonly string[];
  /** What a reader gets. @param seen the mount point of the disk, as this process sees it */
  readonly read: (seen: string, place: string) => Tree | undefined;
  /** A line of the log that says: this revision is in use. */
  readonly inUse: (line: string, oid: string) => boolean;
  /** The lines of its log say that without the server nothing more will happen. */
  readonly isAtRest: (lines: readonly string[]) => boolean;
}

const SYNC = resolve('dist/git-sync.cjs');
const SIDECAR = resolve('dist/git-sidecar.cjs');
const PERIOD = '--period=100ms';

const sync = (bare: string, place: string): string[] => [
  ...[`--repo=file://${bare}`, '--ref=main', `--root=${place}/root`, '--link=link', PERIOD],
  ...['--max-failures=-1', '-v=4'],
];
const isPublished = (line: string, oid: string): boolean => line.includes('"published"') && line.includes(oid);
const link = (seen: string): Tree | undefined => readTree(join(seen, 'root', 'link'));

/** The application reads all of its files, says what it has read, and stays. */
const APPLICATION = [
  'sh',
  '-c',
  'find . -type f | sort | xargs sha1sum >> "$STARTS"; echo end >> "$STARTS"; exec sleep 600',
];

/** The release that a run would start without looking at it. */
function release(seen: string, place: string): Tree | undefined {
  try {
    const { releases } = JSON.parse(readFileSync(join(seen, 'state', 'state.json'), 'utf8')) as {
      releases: readonly { readonly path: string }[];
    };
    const path = releases.at(-1)?.path;
    return path === undefined ? undefined : readTree(join(seen, path.slice(place.length)));
  } catch {
    return undefined;
  }
}

const isFailed = (lines: readonly string[]): boolean => lines.some((line) => line.includes('"sync failed'));

function isDeployed(lines: readonly string[]): boolean {
  const count = (text: string): number => lines.filter((line) => line.includes(text)).length;
  const [begun, ended, resumed] = ['"deploying"', '"deployment"', '"starting what ran last"'].map(count);
  return isFailed(lines) && begun === ended && (ended ?? 0) + (resumed ?? 0) > 0;
}

export const MODES: readonly Mode[] = [
  {
    name: 'the link',
    program: SYNC,
    args: sync,
    read: link,
    inUse: isPublished,
    isAtRest: isFailed,
  },
  {
    name: 'the link, `--durable`',
    program: SYNC,
    args: (bare, place) => [...sync(bare, place), '--durable'],
    read: link,
    inUse: isPublished,
    isAtRest: isFailed,
  },
  {
    name: '`--into`',
    program: SYNC,
    args: (bare, place) => [...sync(bare, place), `--into=${place}/into`],
    read: (seen) => readTree(join(seen, 'into')),
    inUse: isPublished,
    isAtRest: isFailed,
  },
  {
    name: '`run`',
    program: SIDECAR,
    args: (bare, place, starts) => [
      ...['run', ...sync(bare, place), `--state=${place}/state`, '--ready-delay=20ms', '--ready-for=0s'],
      ...['--', 'env', `STARTS=${starts}`, ...APPLICATION],
    ],
    read: release,
    inUse: (line, oid) => line.includes('"deployment"') && line.includes(oid) && line.includes('"deployed"'),
    isAtRest: isDeployed,
  },
];

/** What the application read each time when it was started. */
export function readStarts(path: string): readonly Tree[] {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  const starts = text.split('end\n').slice(0, -1);
  return starts.map((start) => {
    const lines = start.split('\n').filter((line) => line !== '');
    return new Map(lines.map((line) => [line.slice(line.indexOf('./') + 2), line.slice(0, 40)]));
  });
}
