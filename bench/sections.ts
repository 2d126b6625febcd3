import { findProgram } from '../test/peers/programs.ts';
import { benchBrowser } from './browser.ts';
import type { ExpectedTable } from './check-tables.ts';
import { benchClone } from './clone.ts';
import type { Named } from './command-line.ts';
import type { Conditions } from './conditions.ts';
import { benchInto } from './into.ts';
import { benchNeeds } from './needs.ts';
import { benchPath } from './path.ts';
import { benchPoll } from './poll.ts';
import { benchPower, FILE_SYSTEMS } from './power.ts';
import { benchRelay } from './relay.ts';
import { benchRun } from './run.ts';
import { benchTenants } from './tenants.ts';
import { benchUnits } from './units.ts';
import { benchUpdate } from './update.ts';

/** A part of a page, and how it is measured. */
export interface Section extends Named {
  readonly measure: (conditions: Conditions) => Promise<string>;
  /** The page that it belongs to; default docs/performance.md. */
  readonly page?: string;
  /** Programs that it starts, beside git and ssh. */
  readonly programs: readonly string[];
  /** It mounts a file system of its own. */
  readonly mounts?: boolean;
  /** It gives cores to some processes before others, so nothing else may run beside it. */
  readonly alone?: boolean;
  /** What a smoke has to bring. @param programs how many are measured: ours, and git-sync where it is given */
  readonly tables: (programs: number) => readonly ExpectedTable[];
}

const WEB = ['nginx', 'fcgiwrap', 'openssl'];

/** In the order of the page. */
export const SECTIONS: readonly Section[] = [
  {
    name: 'poll',
    what: 'idle polls, start to first publish, memory',
    measure: benchPoll,
    programs: [...WEB, 'sshd'],
    tables: (programs) => [
      { first: 'remote', rows: 3 },
      { first: 'remote', rows: 1 },
      { first: 'remote', rows: 2 * programs, words: ['program'] },
    ],
  },
  {
    name: 'update',
    what: 'from a change seen to a change published',
    measure: benchUpdate,
    programs: [...WEB, 'mkfs.ext4'],
    mounts: true,
    tables: () => [{ first: 'where', rows: 6, words: ['changed'] }],
  },
  {
    name: 'needs',
    what: 'disk and memory that a container needs',
    measure: benchNeeds,
    programs: [],
    tables: () => [
      { first: 'repository', rows: 4, words: ['mode'] },
      { first: 'repository', rows: 1 },
    ],
  },
  {
    name: 'clone',
    what: 'cloning files instead of writing them, on XFS',
    measure: benchClone,
    programs: ['mkfs.xfs'],
    mounts: true,
    tables: () => [{ first: 'KiB a file', rows: 2 }],
  },
  {
    name: 'into',
    what: 'a directory that is kept like a tree',
    measure: benchInto,
    programs: [],
    // Where rsync is not installed it has no row.
    tables: () => [{ first: '', rows: findProgram('rsync') ? 3 : 2, gaps: true }],
  },
  {
    name: 'path',
    what: 'a part of a repository',
    measure: benchPath,
    programs: WEB,
    tables: () => [{ first: 'what', rows: 3 }],
  },
  {
    name: 'power',
    what: 'power cuts: what is shown, and what the next start of the machine makes of it',
    measure: benchPower,
    programs: ['mkfs.ext4', 'mkfs.xfs', 'unshare', 'nsenter'],
    mounts: true,
    tables: () => [
      { first: '', rows: 4 * FILE_SYSTEMS.length, words: ['on'] },
      { first: 'file system', rows: FILE_SYSTEMS.length },
    ],
  },
  {
    name: 'run',
    what: 'deployments under load',
    measure: benchRun,
    programs: WEB,
    tables: () => [{ first: 'good pushes', rows: 1 }],
  },
  {
    name: 'units',
    what: 'many repositories in one process',
    measure: benchUnits,
    programs: WEB,
    tables: () => [{ first: 'what', rows: 6 }],
  },
  {
    name: 'relay',
    what: 'fleets, streams, a rollout policy and fetches behind a relay',
    measure: benchRelay,
    programs: WEB,
    tables: () => [
      { first: 'followers', rows: 2 },
      { first: 'streams', rows: 1 },
      { first: 'a fleet', rows: 2 },
      { first: '', rows: 3, gaps: true },
    ],
  },
  {
    name: 'browser',
    what: 'the page of a relay with a large fleet',
    measure: benchBrowser,
    programs: ['chromium'],
    tables: () => [{ first: 'what', rows: 2 }],
  },
  {
    name: 'tenants',
    what: 'a relay with a hostile tenant: a quarter of an hour, written into docs/relay.md',
    page: 'docs/relay.md',
    onRequest: true,
    alone: true,
    measure: benchTenants,
    programs: WEB,
    tables: () => [
      { first: 'of the honest tenant, p50 / p99 in ms', rows: 7, gaps: true },
      {
        first: 'the most at any moment',
        rows: 10,
        words: ['alone', 'with the hostile one', 'afterwards', 'limit'],
        gaps: true,
      },
      { first: 'attack', rows: 12, words: ['what came of its requests, in all'] },
    ],
  },
];
