import type { Oid } from '../../../model/oid.ts';
import type { RunHere } from './refs-on-disk.ts';

/** Of the first lines of some commits. */
const LARGEST_LINES = 4 * 2 ** 20;

/** A commit as a person recognises it. `committedAt` is in seconds since the epoch. */
export interface CommitLine {
  readonly subject: string;
  readonly author: string;
  readonly committedAt: number;
}

/** The trailers of a commit's message, as git-interpret-trailers(1) finds them; of one key the last. */
export async function readTrailers(
  run: RunHere,
  oid: Oid,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const format = '--format=%(trailers:only,unfold)';
  const { stdout } = await run(['show', '--no-patch', format, oid], { op: 'read a commit of', signal });
  const lines = stdout
    .toString()
    .split('\n')
    .map((line) => /^([^:\s]+):\s*(.*)$/.exec(line));
  return Object.fromEntries(lines.flatMap((found) => (found ? [[found[1], found[2]] as const] : [])));
}

/** Of each of these commits that is here: its first line, its author's name and its time in seconds. */
export async function readCommitLines(
  run: RunHere,
  oids: readonly Oid[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Oid, CommitLine>> {
  const args = ['log', '--no-walk=unsorted', '--ignore-missing', '--no-show-signature', '--stdin', '-z'];
  const options = { op: 'read commits of', stdin: `${oids.join('\n')}\n`, maxOutputBytes: LARGEST_LINES, signal };
  const { stdout } = await run([...args, '--format=tformat:%H%n%an%n%ct%n%s'], options);
  const records = stdout.split('\0').filter((record) => record !== '');
  return new Map(
    records.map((record) => {
      const [oid = '', author = '', seconds = '', ...subject] = record.split('\n');
      return [oid as Oid, { author, committedAt: Number(seconds), subject: subject.join(' ') }];
    }),
  );
}
