import { ms, table } from '../statistics.ts';
import { MEASURED, type Measured, type Measurements, STREAMS } from './honest.ts';
import type { HostileOutcome } from './hostile-process.ts';
import { CACHE_SIZE_MIB, MAX_DISK_MIB, MEMORY_LIMIT_MIB } from './relay-process.ts';
import { REFS } from './repositories.ts';
import type { Usage } from './usage.ts';

const MEBIBYTE = 2 ** 20;

export interface Phase {
  readonly seconds: number;
  readonly measurements: Measurements;
  readonly usage: Usage;
  readonly refusals: string;
  /** Processes of the whole machine that wanted a core in its last minute, those of others included. */
  readonly load: number;
  /** The longest time in which the measuring process itself did not come to anything, in milliseconds. */
  readonly ownPauseMs: number;
}

export interface SoakResult {
  readonly alone: Phase;
  readonly together: Phase;
  readonly hostile: HostileOutcome;
  /** A while after the hostile tenant has left. */
  readonly afterwards: Usage;
  readonly membersShown: number;
  /** The git server and the honest tenant have no disk in common with the relay. */
  readonly isInMemory: boolean;
}

const kinds = Object.entries(MEASURED) as [Measured, string][];
const pair = (a: number, b: number): string => `${ms(a)} / ${ms(b)}`;
const mebibytes = (bytes: number): string => (bytes / MEBIBYTE).toFixed(0);

function failuresOf({ measurements }: Phase): string {
  const all = new Map<string, number>();
  for (const samples of Object.values(measurements))
    for (const [reason, count] of samples.failures) all.set(reason, (all.get(reason) ?? 0) + count);
  return all.size === 0 ? '0' : [...all].map(([reason, count]) => `${count} × ${reason}`).join(', ');
}

function timesTable({ alone, together }: SoakResult): string {
  const rows = kinds.map(([kind, name]) => {
    const [a, b] = [alone.measurements[kind], together.measurements[kind]];
    const [before, after] = [a, b].map((samples) => [samples.quantile(0.5), samples.quantile(0.99)] as const);
    const [p50 = 0, p99 = 0] = [0, 1].map((index) => (after?.[index] ?? 0) / (before?.[index] ?? 0));
    const cells = [before, after].map((each) => pair(each?.[0] ?? 0, each?.[1] ?? 0));
    return [name, ...cells, `${p50.toFixed(2)} / ${p99.toFixed(2)}`, `${a.count} / ${b.count}`];
  });
  return table(
    ['of the honest tenant, p50 / p99 in ms', 'alone', 'with the hostile one', 'ratio', 'samples'],
    [...rows, ['requests and streams of it that failed', failuresOf(alone), failuresOf(together), '', '']],
  );
}

function usageTable({ alone, together, afterwards, membersShown }: SoakResult): string {
  const cpu = ({ usage, seconds }: Phase): string => `${(usage.cpuMs / seconds / 10).toFixed(0)} %`;
  const waited = ({ usage, seconds }: Phase): string => `${(usage.starvedMs / seconds / 10).toFixed(0)} %`;
  const three = (value: (usage: Usage) => string): string[] =>
    [alone.usage, together.usage, afterwards].map((usage) => value(usage));
  const rows = [
    [
      'relay, resident, MiB',
      ...three(({ relayBytes }) => mebibytes(relayBytes)),
      `${MEMORY_LIMIT_MIB} with git (the chart’s)`,
    ],
    [
      'its git processes, resident, MiB (how many)',
      ...three(({ gitBytes, gitProcesses }) => `${mebibytes(gitBytes)} (${gitProcesses})`),
      '',
    ],
    [
      'below `--root`, MiB',
      ...three(({ diskBytes }) => mebibytes(diskBytes)),
      `${MAX_DISK_MIB} of mirrors + ${CACHE_SIZE_MIB} of answers`,
    ],
    ['open descriptors', ...three(({ descriptors }) => String(descriptors)), ''],
    ['CPU of relay and git, of a core', cpu(alone), cpu(together), '', ''],
    ['time without a core of the relay’s main thread', waited(alone), waited(together), '', ''],
    ['longest pause of the measuring process, ms', ms(alone.ownPauseMs), ms(together.ownPauseMs), '', ''],
    ['load of the machine in the last minute', alone.load.toFixed(1), together.load.toFixed(1), '', ''],
    ['refused or ended by the relay', alone.refusals, together.refusals, '', ''],
    ['honest instances in `/fleet`', '', '', `${membersShown} of ${STREAMS.length}`, ''],
  ];
  return table(['the most at any moment', 'alone', 'with the hostile one', 'afterwards', 'limit'], rows);
}

function attacksTable({ hostile, together }: SoakResult): string {
  const rows = hostile.turns.map(({ name, from, to }) => {
    const counts = Object.entries(hostile.counts[name] ?? {}).sort(([, a], [, b]) => b - a);
    const shown = (value: number): string => (Number.isNaN(value) ? '–' : ms(value));
    const times = (['told', 'clone', 'readyz'] as const).map((kind) => {
      const samples = together.measurements[kind];
      return shown(samples.quantile(1, from, to));
    });
    return [
      name,
      ((to - from) / 1000).toFixed(0),
      counts.map(([outcome, count]) => `${outcome}: ${count}`).join(', ') || '–',
      ...times,
    ];
  });
  return table(
    [
      'attack',
      's',
      'what came of its requests, in all',
      'slowest event of a push, ms',
      'slowest clone, ms',
      'slowest `/readyz`, ms',
    ],
    rows,
  );
}

export function describeSoak(result: SoakResult): string {
  const { alone, together, hostile, isInMemory } = result;
  const hostileCpu = (hostile.cpuMs / together.seconds / 10).toFixed(0);
  return [
    `Measured with \`npm run bench -- tenants\`: ${alone.seconds.toFixed(0)} s with the honest tenant alone, then ${together.seconds.toFixed(0)} s in which the hostile one shares the relay; git server, relay and both tenants on the same two cores. In a fleet the git server and the honest tenant have machines of their own, so here they get a core before the relay does${isInMemory ? ', and keep their files in memory' : ''}; what is measured is the relay. The honest tenant has ${STREAMS.length} streams, pushes every 2 s, fetches each push, clones every 3 s; the relay is probed four times a second. The hostile one has a token of its own for repositories of its own (20 MB that cannot be compressed; 20,000 commits; ${REFS} branches, one of which moves every second), and uses half of its time for one attack after the other, half for all of them together. Its client’s control group had the least weight, and took ${hostileCpu} % of a core.`,
    timesTable(result),
    usageTable(result),
    attacksTable(result),
  ].join('\n\n');
}
