import { messageOf } from '../model/error.ts';
import type { Logger } from '../platform/log.ts';
import { Breath, type BreathOptions } from './breath.ts';
import type { Journal } from './journal.ts';
import type { Ledger } from './ledger.ts';
import type { OpenPath } from './open-path.ts';
import type { Records } from './records.ts';
import { removeStaged, unstageFiles } from './stage-files.ts';
import { inDoubt } from './stamp.ts';

export interface InterruptedOptions {
  readonly records: Records;
  readonly target: OpenPath;
  readonly log: Logger;
  /** Identity of this boot of the machine. */
  readonly boot: string;
  /** Does what a journal says, and ends it. */
  readonly apply: (journal: Journal, ledger: Ledger | undefined, target: OpenPath, breath: Breath) => Promise<void>;
}

/** Removes what was staged; the directory is as it was. */
export async function takeBack(journal: Journal, { records, target }: Pick<InterruptedOptions, 'records' | 'target'>) {
  unstageFiles(journal, target);
  await records.end('staging');
}

/**
 * Brings an update to its end that another process began, or this one before it failed: what was staged in part is
 * taken back, what was staged whole goes on. Where that is not possible, the directory is marked as incomplete, so that
 * all files in it are compared. Afterwards there is no journal.
 */
export async function settleInterrupted(options: InterruptedOptions, work: BreathOptions): Promise<void> {
  const { records } = options;
  const staging = await records.journal('staging');
  if (staging) await takeBack(staging, options);
  const applying = await records.journal('applying');
  if (applying) await goOn(applying, options, work);
  // What is left is about another directory.
  await records.end('staging');
  await records.end('applying');
}

async function goOn(
  journal: Journal,
  { records, target, log, boot, apply }: InterruptedOptions,
  work: BreathOptions,
): Promise<void> {
  const ledger = await records.ledger();
  const directory = target.root.path;
  try {
    // What was staged shortly before a power cut need not be on the disk.
    if (journal.head.boot !== boot) throw new Error('the machine was started anew since');
    await apply(journal, ledger, target, new Breath(work));
    log.info(0, 'finished an update that was interrupted', { directory, hash: journal.head.oid });
  } catch (error) {
    if (work.signal.aborted) throw error;
    const reason = messageOf(target.explain(error));
    log.warn('an update that was interrupted cannot be finished, so all files are compared', { directory, reason });
    await records.keep(giveUp(journal, ledger, target));
  }
}

/** What is in the directory is ours if it was before, or if the journal has put it there. */
function giveUp(journal: Journal, ledger: Ledger | undefined, target: OpenPath): Ledger {
  target.forget();
  const files = new Map(ledger?.files);
  const directories = new Set([...(ledger?.directories ?? []), ...journal.prepare]);
  for (const { path, temporary, make, kind, mode } of journal.placements) {
    for (const each of make) directories.add(each.path);
    if (!target.entry(temporary))
      files.set(path, inDoubt(files.get(path) ?? { kind, mode, size: 0, mtimeMs: 0, ctimeMs: 0, ino: 0 }));
  }
  removeStaged(journal, target);
  for (const [path, stamp] of journal.adopted) files.set(path, inDoubt(stamp));
  return { head: { ...(ledger?.head ?? journal.head), complete: false }, files, directories };
}
