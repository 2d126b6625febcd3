import type { BytePath } from '../platform/byte-path.ts';
import type { Mirror } from './mirror.ts';
import type { Release, RunState, StateFile } from './state.ts';
import type { Switchover } from './switchover.ts';

export interface MirroredFilesOptions {
  /** undefined: each release runs in its own directory. */
  readonly mirror: Mirror | undefined;
  readonly state: StateFile;
  readonly switchover: Pick<Switchover, 'makeWay'>;
}

/** The files of releases in the directory of `--into`, and which of them are ours; without `--into` there are none. */
export class MirroredFiles {
  readonly #options: MirroredFilesOptions;

  constructor(options: MirroredFilesOptions) {
    this.#options = options;
  }

  /** @throws SidecarError ERR_RUN_ESCAPE */
  async requireInnerLinks({ path }: Release): Promise<void> {
    await this.#options.mirror?.requireInnerLinks(path);
  }

  /** Undoes what {@link bring} did and nobody settled, also in another process. */
  async restore(): Promise<void> {
    await this.#options.mirror?.restore();
  }

  /** @returns the paths that are ours afterwards */
  async bring(release: Release, signal: AbortSignal): Promise<readonly BytePath[]> {
    const { mirror, state, switchover } = this.#options;
    if (!mirror) return [];
    const { owned } = state.state;
    const plan = await mirror.plan(release.path, new Set(owned));
    const made = plan.changes.flatMap((each) =>
      each.kind !== 'remove' && each.replaces === 'nothing' ? each.path : [],
    );
    // After a power cut the journal can be lost; what was made is still known to be ours.
    if (made.length > 0) await state.save({ owned: [...owned, ...made] });
    try {
      if (plan.changes.length > 0) await switchover.makeWay(signal);
      await mirror.apply(plan);
    } catch (error) {
      if (made.length > 0) await state.save({ owned }).catch(() => undefined);
      throw error;
    }
    return plan.owned;
  }

  /**
   * Notes what is deployed, and gives up the way back. Until that is given up, a kill makes the next start undo the
   * mirroring and do it again, so the files of before are ours until then as well: none may be lost track of.
   */
  async settle(changes: Partial<RunState>, owned: readonly BytePath[]): Promise<void> {
    const { state, mirror } = this.#options;
    if (!mirror) {
      if (Object.keys(changes).length > 0) await state.save(changes);
      return;
    }
    await state.save({ ...changes, owned: [...new Set([...state.state.owned, ...owned])] });
    await mirror.settle();
    await state.save({ owned });
  }
}
