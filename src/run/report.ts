import { parseOid } from '../model/oid.ts';
import { type Verdict, YES } from '../model/verdict.ts';
import type { KubernetesEvents } from '../platform/kubernetes-events.ts';
import type { Tracer } from '../platform/trace/tracer.ts';
import { visibleText } from '../platform/visible-text.ts';
import type { MetricsSink } from '../serve/metrics-sink.ts';
import type { ProcessFacts, Publisher, RunFacts } from '../service/publisher.ts';
import { deploymentEvent } from './deployment-event.ts';
import { deploymentSpan } from './deployment-span.ts';
import type { Front } from './front.ts';
import type { Present } from './present.ts';
import type { StateFile } from './state.ts';
import type { DeploymentReport, Outcome, RunObserver, RunStatus } from './status.ts';

/** After these what ran before keeps running, or nothing does. */
const FAILURES: readonly (Outcome | undefined)[] = ['build-failed', 'failed'];

/** Of the last line in a reason, in characters: a report has room for 200 of both. */
const MOST_SAID = 120;

const iso = (ms: number): string => new Date(ms).toISOString();

export interface ReportOptions {
  readonly state: StateFile;
  readonly front: Front | undefined;
  readonly metrics: MetricsSink | undefined;
  /** undefined: another process publishes the link. */
  readonly sync: Publisher | undefined;
  /** undefined: nothing is traced. */
  readonly tracer: Tracer | undefined;
  /** undefined: no events about the Pod are written. */
  readonly events: KubernetesEvents | undefined;
  /** Takes secrets out of a text. */
  readonly redact: (text: string) => string;
}

/** What is kept so that others can see how run is doing. */
export class RunReport implements RunObserver {
  readonly #options: ReportOptions;
  #present: Readonly<Present> | undefined;
  #isEnding = false;
  #last: DeploymentReport | undefined;

  constructor(options: ReportOptions) {
    this.#options = options;
  }

  watch(present: Readonly<Present>): void {
    this.#present = present;
  }

  /** `/readyz` says no from now on, so that no new requests are sent here. */
  ending(): void {
    this.#isEnding = true;
  }

  onDeployment(report: DeploymentReport): void {
    this.#options.events?.record(deploymentEvent(report));
    this.#options.tracer?.record([deploymentSpan(report, this.#last === undefined)]);
    this.#last = report;
    const { metrics } = this.#options;
    metrics?.count('git_sidecar_deployments_total', { outcome: report.outcome });
    if (report.outcome === 'deployed' && report.sincePublishMs !== undefined)
      metrics?.observe('git_sidecar_publish_to_running_seconds', report.sincePublishMs / 1000);
    const running = this.#present?.running;
    this.reportToRelay();
    if (running) metrics?.setOnly('git_sidecar_running_info', 1, { oid: running.id });
  }

  /** The relay's overview shows what runs here, and its policies wait for it. At the end nothing is a failure. */
  reportToRelay(): void {
    if (this.#isEnding) return;
    const running = parseOid(this.#present?.provenRelease?.id ?? '');
    this.#options.sync?.reportRun?.({ running, failed: this.#failed, process: this.#process });
  }

  get #process(): ProcessFacts {
    const found = this.#present?.state;
    const failed = this.#failed;
    if (!found && failed) return { ended: 0, ...failed, state: 'failed' };
    const { release = this.#options.state.current, state = 'starting', ended = 0, trouble } = found ?? {};
    const { reason, output = [] } = trouble ?? {};
    return { oid: parseOid(release?.id ?? ''), state, ended, ...this.#shown(reason, output) };
  }

  /** The revision that was tried last, or else left out last, if it did not come to life. */
  get #failed(): RunFacts['failed'] {
    const { outcome, id, reason = outcome } = this.#last ?? {};
    const tried = id !== undefined && FAILURES.includes(outcome) ? ([id, reason] as const) : undefined;
    const [failedId = '', why = ''] = tried ?? Object.entries(this.#options.state.state.quarantined).at(-1) ?? [];
    const oid = parseOid(failedId);
    if (!oid || failedId === this.#present?.running?.id) return undefined;
    const { reason: shown = why, output } = this.#shown(why, this.#present?.lastWordsOf(failedId) ?? []);
    return { oid, reason: shown, output };
  }

  /** A reason with the last line that the process wrote, and all of its last lines; without secrets. */
  #shown(reason: string | undefined, lines: readonly string[]): Pick<ProcessFacts, 'reason' | 'output'> {
    const output = lines.map((line) => visibleText(this.#options.redact(line)));
    const last = output.at(-1)?.trim().slice(0, MOST_SAID);
    const why = reason && this.#options.redact(reason);
    return { reason: why && last ? `${why}; its last words: ${last}` : why, output };
  }

  showMetrics(): void {
    this.#options.metrics?.set('git_sidecar_process_restarts', this.#present?.restarts ?? 0);
  }

  status(): RunStatus & { readonly connections: number | undefined } {
    const { running, instance, restarts = 0 } = this.#present ?? {};
    const { state, front } = this.#options;
    const { releases, quarantined } = state.state;
    const alive = running && instance && instance.exit === undefined;
    const last = this.#last;
    return {
      running: alive
        ? { oid: running.id, pid: instance.pid, port: instance.port, since: iso(instance.startedAt) }
        : undefined,
      process: this.#process,
      quarantined,
      restarts,
      releases: releases.map(({ id }) => id),
      lastDeployment: last && {
        oid: last.id,
        outcome: last.outcome,
        reason: last.reason,
        ms: last.ms,
        sincePublishMs: last.sincePublishMs && Math.round(last.sincePublishMs),
        at: iso(last.at),
      },
      connections: front?.connections,
    };
  }

  readiness(): Verdict {
    if (this.#isEnding) return { ok: false, text: 'run is ending' };
    const { isAlive = false, isReady = false } = this.#present ?? {};
    if (isReady) return YES;
    return { ok: false, text: isAlive ? 'the process is not ready yet' : 'nothing is running' };
  }
}
