import type { DeployerOptions } from './deployer-options.ts';
import type { Release } from './state.ts';
import type { Outcome } from './status.ts';

/** Why a revision is left out that a person did not want. */
export const BY_HAND = 'rolled back by hand';

type Needs = Pick<DeployerOptions, 'config' | 'state' | 'launch' | 'clock' | 'log' | 'observer'>;

/** What became of deployments: written down, and told to those who want to know. None of it can fail a deployment. */
export class DeploymentNotes {
  readonly #options: Needs;
  readonly #signal: AbortSignal;

  /** @param signal fires when nothing is deployed any more */
  constructor(options: Needs, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** A revision is not tried again while another one runs. */
  async leaveOut(id: string, reason: string): Promise<void> {
    const { state, log } = this.#options;
    try {
      await state.save({ quarantined: { ...state.state.quarantined, [id]: reason } });
    } catch (error) {
      log.error(error, 'the revision is left out, but that could not be noted', { hash: id });
    }
  }

  /** What ran before serves again: in the log, and to `--rollback-exec`. */
  async tellRollback(badId: string, to: Release, reason: string): Promise<void> {
    const { config, launch, log } = this.#options;
    log.warn('rolled back', { from: badId, to: to.id, reason });
    if (config.rollbackExec === undefined) return;
    const env = { GIT_SIDECAR_BAD_OID: badId, GIT_SIDECAR_REASON: reason };
    const failure = await launch.shell(config.rollbackExec, to, env, config.readyTimeoutMs, this.#signal);
    if (failure) log.warn('--rollback-exec failed', { reason: failure.reason });
  }

  /** @param ms how long it took @param sincePublishMs from the publish until it served */
  note(id: string, outcome: Outcome, reason: string | undefined, ms: number, sincePublishMs?: number): void {
    const { log, observer, clock } = this.#options;
    log.info(0, 'deployment', { hash: id, outcome, ms, ...(reason !== undefined && { reason }) });
    observer.onDeployment({ id, outcome, reason, ms, sincePublishMs, at: clock.now() });
  }
}
