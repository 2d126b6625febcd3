import type { RunConfig } from '../config/run-config.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import { parseOid } from '../model/oid.ts';
import type { Clock } from '../platform/clock.ts';
import type { Route } from '../platform/http-answer.ts';
import type { Logger } from '../platform/log.ts';
import type { Front } from '../run/front.ts';
import type { StateFile } from '../run/state.ts';
import type { DeploymentReport, RunObserver, RunStatus } from '../run/status.ts';
import type { Switchover } from '../run/switchover.ts';
import { jsonRoute, metricsRoute, probeRoute } from '../serve/routes.ts';
import { type HttpServer, startHttpServer } from '../serve/server.ts';
import type { SyncContext } from '../sync/context.ts';
import type { EmbeddedSync } from './embedded-sync.ts';
import { createObservability, inboundRoutes, type Observability, showSync } from './observability.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

/** What is kept so that others can see how run is doing: `/status`, `/readyz`, `/metrics`. */
export class RunReport implements RunObserver {
  readonly observability: Observability;
  readonly #config: RunConfig;
  readonly #state: StateFile;
  readonly #front: Front | undefined;
  #switchover: Switchover | undefined;
  #sync: SyncContext | undefined;
  #inbound: readonly Route[] = [];
  #reportRunning: EmbeddedSync['reportRunning'];
  #last: DeploymentReport | undefined;

  private constructor(config: RunConfig, observability: Observability, state: StateFile, front: Front | undefined) {
    this.#config = config;
    this.observability = observability;
    this.#state = state;
    this.#front = front;
  }

  static async create(config: RunConfig, clock: Clock, state: StateFile, front: Front | undefined): Promise<RunReport> {
    const watched: Pick<SyncConfig, 'http' | 'mode'> = config.sync ?? { http: config.http, mode: 'v4' };
    return new RunReport(config, await createObservability(watched, clock), state, front);
  }

  watch(switchover: Switchover): void {
    this.#switchover = switchover;
  }

  follow({ context, inbound, reportRunning }: EmbeddedSync): void {
    this.#sync = context;
    this.#reportRunning = reportRunning;
    this.#tellRelay();
    const { http } = this.#config;
    if (http) this.#inbound = inboundRoutes(http, inbound);
  }

  onDeployment(report: DeploymentReport): void {
    this.#last = report;
    const { metrics } = this.observability;
    metrics?.count('git_sidecar_deployments_total', { outcome: report.outcome });
    if (report.outcome === 'deployed' && report.sincePublishMs !== undefined)
      metrics?.observe('git_sidecar_publish_to_running_seconds', report.sincePublishMs / 1000);
    const running = this.#switchover?.running;
    this.#tellRelay();
    if (running) metrics?.setOnly('git_sidecar_running_info', 1, { oid: running.id });
  }

  #tellRelay(): void {
    const oid = parseOid(this.#switchover?.running?.id ?? '');
    if (oid) this.#reportRunning?.(oid);
  }

  status(): RunStatus & { readonly connections: number | undefined } {
    const { running, instance, restarts = 0 } = this.#switchover ?? {};
    const { releases, quarantined } = this.#state.state;
    const alive = running && instance && instance.exit === undefined;
    const last = this.#last;
    return {
      running: alive
        ? { oid: running.id, pid: instance.pid, port: instance.port, since: iso(instance.startedAt) }
        : undefined,
      quarantined,
      restarts,
      releases: releases.map(({ id }) => id),
      lastDeployment: last && {
        oid: last.id,
        outcome: last.outcome,
        reason: last.reason,
        ms: last.ms,
        sincePublishMs: last.sincePublishMs,
        at: iso(last.at),
      },
      connections: this.#front?.connections,
    };
  }

  /** @throws SidecarError ERR_SERVE_BIND */
  async serve(log: Logger): Promise<HttpServer | undefined> {
    const { http } = this.#config;
    if (!http) return undefined;
    const { metrics } = this.observability;
    // The sync is there later than the server.
    const askInbound: Route = async (url, request, response) => {
      for (const route of this.#inbound) if (await route(url, request, response)) return true;
      return false;
    };
    const routes: Route[] = [
      askInbound,
      jsonRoute('/status', () => this.status()),
      probeRoute(
        () => {
          const { running } = this.status();
          return { ok: running !== undefined, text: running ? 'ok' : 'nothing is running' };
        },
        () => this.observability.health.liveness(),
      ),
    ];
    if (metrics) {
      routes.push(
        metricsRoute(metrics, () => {
          metrics.set('git_sidecar_process_restarts', this.#switchover?.restarts ?? 0);
          if (this.#sync) showSync(metrics, this.#sync.source, this.#sync.git);
        }),
      );
    }
    return await startHttpServer({ config: http, log, routes });
  }
}
