import type { Keeper, Trouble } from './keeper.ts';
import type { Release } from './state.ts';

/** How the current process is. */
export interface ProcessState {
  readonly release: Release;
  /**
   * `starting`: it has not been ready yet, or is on probation. `restarting`: it ended, and is started again. `failed`:
   * it ended, and is not started again.
   */
  readonly state: 'starting' | 'ready' | 'restarting' | 'failed';
  /** How often it ended by itself since the release was deployed or resumed. */
  readonly ended: number;
  /** Of its last end. */
  readonly trouble?: Trouble | undefined;
}

/** A release that has proven itself. */
export interface Proven {
  release: Release;
  /** Keeps its process alive; undefined: it could not be started again. */
  keeper: Keeper | undefined;
  /** How often the process had ended before it got this release. */
  endedBefore: number;
  /** Why it could not be started. */
  failure?: string;
}

/** @param isUp its process runs, and has passed its checks */
export function stateOfProven({ release, keeper, endedBefore, failure }: Proven, isUp: boolean): ProcessState {
  if (!keeper)
    return { release, state: 'failed', ended: 0, trouble: failure ? { reason: failure, output: [] } : undefined };
  const ended = keeper.ended - endedBefore;
  const trouble = ended > 0 ? keeper.trouble : undefined;
  const down = keeper.isOver ? 'failed' : ended > 0 ? 'restarting' : 'starting';
  return { release, state: isUp ? 'ready' : down, ended, trouble };
}
