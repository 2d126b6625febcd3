import { type BytePath, parentOf } from '../platform/byte-path.ts';
import type { Breath } from './breath.ts';
import type { Journal } from './journal.ts';
import type { Ledger, LedgerHead } from './ledger.ts';
import type { OpenPath } from './open-path.ts';
import { Planner, type PlannerOptions } from './planner.ts';
import { isSameStamp, stampOf } from './stamp.ts';
import { walkSource } from './walk-source.ts';

export interface PlanOptions extends PlannerOptions {
  /** The head of the ledger afterwards. */
  readonly head: LedgerHead;
  /**
   * All paths whose contents may have to change, as far as the commits are concerned; undefined: that is not known, so
   * all contents are compared.
   */
  readonly difference: ReadonlySet<BytePath> | undefined;
  readonly breath: Breath;
}

export interface Plan {
  readonly journal: Journal;
  /** Ours, and out of reach behind a symlink or a mount point. */
  readonly hidden: readonly BytePath[];
}

/**
 * Finds out what has to be done in a directory so that the part of it that is ours is like the source. It changes
 * nothing.
 *
 * @throws SidecarError ERR_INTO_OCCUPIED, ERR_INTO_ESCAPE when the revision cannot be there
 */
export async function makePlan(options: PlanOptions): Promise<Plan> {
  const { target, source, ledger, difference, breath, head } = options;
  const planner = new Planner(options);
  const paths = difference
    ? [...difference, ...(await touchedFiles(target, ledger, difference, breath))]
    : await allPaths(source, ledger, breath);
  for (const path of paths) {
    await planner.examine(path);
    await breath.take();
  }
  planner.requireFree();
  const { prepare, placements, removals, adopted, forgotten, hidden } = planner;
  const changes = { prepare, placements, removals, adopted, forgotten };
  return { journal: { head, ...changes, emptied: emptiedDirectories(ledger, changes) }, hidden };
}

/** Files of ours that somebody touched, removed or replaced since we wrote them. */
async function touchedFiles(
  target: OpenPath,
  { files }: PlanOptions['ledger'],
  known: ReadonlySet<BytePath>,
  breath: Breath,
): Promise<BytePath[]> {
  const touched: BytePath[] = [];
  for (const [path, stamp] of files) {
    const pause = breath.take();
    if (pause) await pause;
    if (known.has(path)) continue;
    const stat = target.stat(path);
    const now = stat && stampOf(stat);
    if (!now || !isSameStamp(now, stamp)) touched.push(path);
  }
  return touched;
}

async function allPaths(source: OpenPath, { files }: PlanOptions['ledger'], breath: Breath): Promise<Set<BytePath>> {
  const paths = new Set<BytePath>();
  await walkSource(source.root, (path) => paths.add(path), breath);
  for (const path of files.keys()) paths.add(path);
  return paths;
}

/** Directories of ours that hold nothing of ours any more, those of earlier updates that had to stay included. */
function emptiedDirectories(
  { files, directories }: Pick<Ledger, 'files' | 'directories'>,
  { placements, removals, adopted, forgotten }: Omit<Journal, 'head' | 'emptied' | 'prepare'>,
): BytePath[] {
  if (placements.length + removals.length + forgotten.length === 0) return [];
  const gone = new Set([...removals.map(({ path }) => path), ...forgotten]);
  const needed = new Set<BytePath>();
  const need = (path: BytePath): void => {
    for (let each = parentOf(path); each.length > 0 && !needed.has(each); each = parentOf(each)) needed.add(each);
  };
  for (const path of files.keys()) if (!gone.has(path)) need(path);
  for (const { path } of placements) need(path);
  for (const path of adopted.keys()) need(path);
  return [...directories].filter((path) => !needed.has(path)).sort((one, other) => other.length - one.length);
}
