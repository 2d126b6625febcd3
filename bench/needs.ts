// What a container needs: the most disk at any moment, and the smallest memory limit that is enough; and what a sync
// does within the limits that the field has written for git-sync.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { startGitServer } from '../src/demo/git-server.ts';
import { createProcessRunner } from '../src/platform/process/runner.ts';
import { GIT_ENV } from '../test/kit/upstream.ts';
import { diskOf } from './disk.ts';
import { follow, type Served, UPDATES } from './needs/follow.ts';
import { MODES, type Mode, SYNC } from './needs/modes.ts';
import { SUBJECTS } from './needs/subjects.ts';
import { size, sizes } from './size.ts';
import { median, ms, table } from './statistics.ts';

const LIMITS_MIB = sizes('BENCH_NEEDS_LIMITS', { full: [24, 32, 48, 64, 96, 128, 192, 256], smoke: [64] });
const FIELD_MIB = sizes('BENCH_NEEDS_FIELD', { full: [64, 32], smoke: [64] });
const SUBJECT_COUNT = size('BENCH_NEEDS_REPOSITORIES', { full: SUBJECTS.length, smoke: 1 });
const MEBIBYTE = 2 ** 20;

/** The smallest of the limits with which it works. */
async function enoughFor(mode: Mode, served: Served): Promise<string> {
  for (const limit of LIMITS_MIB) if ((await follow(mode, served, limit)).works) return String(limit);
  return `more than ${LIMITS_MIB.at(-1)}`;
}

async function needsOf(mode: Mode, served: Served, treeBytes: number): Promise<string[]> {
  const { mostDisk } = await follow(mode, served, undefined);
  return [
    served.subject.name,
    mode.name,
    (treeBytes / MEBIBYTE).toFixed(0),
    (mostDisk / MEBIBYTE).toFixed(0),
    (mostDisk / treeBytes).toFixed(1),
    await enoughFor(mode, served),
  ];
}

async function within(limitMib: number, served: Served): Promise<string[]> {
  const { works, firstMs, updatesMs, kills, anonymousKib } = await follow(SYNC, served, limitMib);
  const measured = works
    ? [ms(firstMs), ms(median(updatesMs)), `${kills}`, (anonymousKib / 1024).toFixed(1)]
    : ['–', '–', `${kills}`, '–'];
  return [served.subject.name, `${limitMib}`, ...measured];
}

export async function benchNeeds(): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-needs-'));
  const server = await startGitServer({ runner: createProcessRunner(), env: GIT_ENV, projectRoot: home });
  const [needs, small]: [string[][], string[][]] = [[], []];
  const add = (rows: string[][], row: string[]): void => {
    rows.push(row);
    process.stderr.write(`${row.join(' | ')}\n`);
  };
  try {
    for (const subject of SUBJECTS.slice(0, SUBJECT_COUNT)) {
      const upstream = subject.make(home);
      const served = { subject, upstream, url: `${server.url}/${basename(upstream.bare)}` };
      const tree = diskOf(upstream.work) - diskOf(join(upstream.work, '.git'));
      for (const mode of MODES) add(needs, await needsOf(mode, served, tree));
      for (const limit of FIELD_MIB) add(small, await within(limit, served));
    }
  } finally {
    await server.close();
    rmSync(home, { recursive: true, force: true });
  }
  return [
    '## What a container needs',
    `The most disk at any moment (MiB on an ext4 or overlay file system, and times the checked-out files), and the smallest memory limit of those tried (${LIMITS_MIB.join(', ')} MiB) with which the first sync and ${UPDATES} updates succeed without a restart. The memory of \`run\`’s application comes on top.`,
    table(['repository', 'mode', 'files, MiB', 'most disk, MiB', '× files', 'memory limit, MiB'], needs),
    `\`sync\` within a limit of ${FIELD_MIB.join(' and of ')} MiB for all its processes: milliseconds from the start until the link is there, and from a push, with a poll every second; how many git processes the kernel ended meanwhile (they are started again); MiB of anonymous memory at rest afterwards. A dash means that it did not succeed.`,
    table(
      [
        'repository',
        'memory limit, MiB',
        'first sync, ms',
        'an update, ms',
        'ended by the kernel',
        'idle, anonymous, MiB',
      ],
      small,
    ),
  ].join('\n\n');
}
