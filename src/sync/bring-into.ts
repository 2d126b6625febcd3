import { readPlainDifference } from '../checkout/difference.ts';
import type { CheckoutPlan } from '../checkout/plan.ts';
import { publishedDirectory } from '../checkout/published-directory.ts';
import type { Worktree } from '../checkout/worktree.ts';
import type { BreathOptions } from '../into/breath.ts';
import type { IntoDirectory, IntoSource } from '../into/into-directory.ts';
import { SidecarError } from '../model/error.ts';
import { type BytePath, pathOfText } from '../platform/byte-path.ts';
import type { Needs } from './context.ts';
import type { CycleScope } from './cycle.ts';

export type IntoContext = Needs<'clock' | 'config' | 'git' | 'into' | 'log' | 'repository'>;

/** Like a checkout, work on this machine's disk may take longer than `--sync-timeout` while it makes progress. */
export function intoWork({ config }: Needs<'config'>, { signal, grant }: CycleScope): BreathOptions {
  return { signal, onProgress: () => grant(config.syncTimeoutMs) };
}

/** Those of `paths` that are below the part that is published, as they are called there. */
function below(part: string | undefined, paths: ReadonlySet<BytePath>): ReadonlySet<BytePath> {
  if (part === undefined) return paths;
  const prefix = pathOfText(`${part}/`);
  return new Set(
    [...paths].flatMap((path) => (path.startsWith(prefix) ? [path.slice(prefix.length) as BytePath] : [])),
  );
}

/** What the directory is to hold, of a finished worktree. */
export function intoSource(
  { git, repository }: Needs<'git' | 'repository'>,
  tree: Worktree,
  plan: CheckoutPlan,
  { signal }: CycleScope,
): IntoSource {
  return {
    directory: publishedDirectory(tree, plan),
    oid: tree.oid,
    shape: `${plan.fingerprint} ${plan.surroundings}`,
    difference: async (from) => {
      if (!(await repository.guard()))
        throw new SidecarError('ERR_CHECKOUT_FAILED', {
          op: 'compare with',
          target: from,
          detail: 'the repository has gone',
        });
      return below(plan.part, await readPlainDifference(git, tree, from, signal));
    },
  };
}

/** Brings the directory of `--into` to a worktree. @returns whether anything had to be changed */
export async function bringInto(
  context: IntoContext,
  into: IntoDirectory,
  source: IntoSource,
  scope: CycleScope,
): Promise<boolean> {
  const { clock, log } = context;
  const before = clock.monotonic();
  const { written, removed } = await into.bring(source, intoWork(context, scope));
  if (written + removed === 0) return false;
  const ms = Math.round(clock.monotonic() - before);
  log.info(0, 'brought the directory to the revision', {
    directory: into.directory,
    hash: source.oid,
    written,
    removed,
    ms,
  });
  return true;
}
