import type { ProcessFacts } from '../service/publisher.ts';

/** How a deployment ended; `superseded`: a newer revision came before the probation was over. */
export type Outcome = 'deployed' | 'unchanged' | 'superseded' | 'build-failed' | 'failed' | 'rolled-back';

/** After these nothing is wrong. */
export const GOOD_OUTCOMES: readonly Outcome[] = ['deployed', 'unchanged', 'superseded'];

export interface DeploymentReport {
  readonly id: string;
  readonly outcome: Outcome;
  readonly reason: string | undefined;
  readonly ms: number;
  /** From the moment the link changed until the process was running; undefined when it is not. */
  readonly sincePublishMs: number | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** An observer of the deployments. Methods must not throw. */
export interface RunObserver {
  onDeployment(report: DeploymentReport): void;
}

/** What `/status` answers. Times are ISO 8601. */
export interface RunStatus {
  readonly running:
    | {
        readonly oid: string;
        readonly pid: number | undefined;
        readonly port: number | undefined;
        readonly since: string;
      }
    | undefined;
  readonly process: ProcessFacts;
  /** Revisions left out until a newer one is deployed, with the reason. */
  readonly quarantined: Readonly<Record<string, string>>;
  readonly restarts: number;
  /** Revisions that one can go back to, the newest last. */
  readonly releases: readonly string[];
  readonly lastDeployment:
    | (Omit<DeploymentReport, 'id' | 'at'> & { readonly oid: string; readonly at: string })
    | undefined;
}
