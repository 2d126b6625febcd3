import type { Release } from './state.ts';

/** Why a process is not there, and what it wrote last. */
export interface Trouble {
  readonly reason: string;
  /** Lines as it wrote them: they may hold secrets. */
  readonly output: readonly string[];
}

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
