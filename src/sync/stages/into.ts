import type { IntoSource } from '../../into/into-directory.ts';
import { showPaths } from '../../platform/show-path.ts';
import { requireReplaceable } from '../../publish/link.ts';
import { bringInto, type IntoContext, intoSource, intoWork } from '../bring-into.ts';
import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found, Perhaps } from '../findings.ts';
import { hooksMayEdit, SHARE_OF_TIME } from '../tree-watch.ts';

/** When to look next at what others do in a directory that is at the wanted commit. */
class IntoWatch {
  #nextAt = 0;
  #reported = '';

  isDue({ config, clock }: Needs<'config' | 'clock'>): boolean {
    return config.verifyPeriodMs > 0 && clock.monotonic() >= this.#nextAt;
  }

  /** A comparison that began at `before` is over. */
  done({ config, clock }: Needs<'config' | 'clock'>, before: number): void {
    const took = clock.monotonic() - before;
    this.#nextAt = clock.monotonic() + Math.max(config.verifyPeriodMs, took / SHARE_OF_TIME);
  }

  /** Reports what was changed, once. */
  report(files: string, { log }: Needs<'log'>): void {
    if (files !== this.#reported && files !== '')
      log.warn('files of the revision were changed in the directory', { files });
    this.#reported = files;
  }
}

/**
 * Brings the directory of `--into` to the revision, before the link is switched: when that is done, the cycle has done
 * all that can fail. In a settled cycle it looks for edits of others from time to time, and repairs them.
 */
export function createIntoStage() {
  const watch = new IntoWatch();

  const repair = async (
    context: IntoContext & Needs<'observer'>,
    source: IntoSource,
    scope: CycleScope,
  ): Promise<boolean> => {
    const { into, clock, observer } = context;
    if (!into || !watch.isDue(context)) return false;
    const before = clock.monotonic();
    const changed = await into.compare(source, intoWork(context, scope));
    watch.done(context, before);
    watch.report(showPaths(changed), context);
    observer.onVerify(changed.length, 0);
    if (changed.length === 0 || (hooksMayEdit(context) && !scope.first)) return false;
    return await bringInto(context, into, source, scope);
  };

  return {
    name: 'into',
    run: async (
      context: IntoContext & Needs<'observer'>,
      { live, plan, candidate, settled }: Found<'live' | 'plan' | 'settled'> & Perhaps<'candidate'>,
      scope: CycleScope,
    ): Promise<Perhaps<'updated'>> => {
      const { into } = context;
      const tree = candidate ?? live;
      if (!into || !tree) return {};
      const source = intoSource(context, tree, plan, scope);
      // Consumers would see files of a revision of which no hook hears.
      if (tree !== live && !context.config.moveAside) await requireReplaceable(context.config.link);
      const isChanged =
        settled && into.isAt(source)
          ? await repair(context, source, scope)
          : await bringInto(context, into, source, scope);
      return isChanged ? { updated: true } : {};
    },
  } satisfies Stage;
}
