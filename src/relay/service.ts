import type { RelayConfig } from '../config/relay-config.ts';
import { requireProgram } from '../git/program.ts';
import { SidecarError } from '../model/error.ts';
import { type Verdict, YES } from '../model/verdict.ts';
import { settledWithin } from '../platform/bounded.ts';
import { answerNothing } from '../platform/http-answer.ts';
import { type Route, RouteTable } from '../platform/http-route.ts';
import type { LogFields } from '../platform/log.ts';
import { endPredecessors } from '../platform/orphans.ts';
import { prepareRoot } from '../platform/root.ts';
import { AGENT } from '../platform/version.ts';
import { type Overdue, Watchdog } from '../platform/watchdog.ts';
import type { InboundOptions } from '../serve/inbound/routes.ts';
import type { HttpServer, HttpServerOptions } from '../serve/server.ts';
import type { Ambient } from '../service/ambient.ts';
import type { Service, ServiceEnd } from '../service/service.ts';
import { browserRoutes } from './browser/routes.ts';
import { keepHouse } from './housekeeping.ts';
import { inboundOf } from './inbound.ts';
import { Quotas } from './server/access/quotas.ts';
import { RequestTurns } from './server/access/request-turns.ts';
import { claimRelayRoot } from './server/claim-root.ts';
import { gitRoute } from './server/git/git-route.ts';
import { type ParsePolicies, PolicyFile } from './server/rollouts/policy-file.ts';
import { eventsRoute, reportsRoute } from './server/routes.ts';
import { showRelay } from './show-metrics.ts';
import { prepareRole, roleOf } from './wiring/role.ts';
import { type WiredRelay, wireRelay } from './wiring/wire.ts';

export interface RelayServiceOptions {
  readonly config: RelayConfig;
  readonly ambient: Ambient;
  readonly parsePolicies: ParsePolicies;
  /** Logs that it starts, with these facts. */
  readonly announce: (facts: LogFields) => void;
}

/** Connections besides the streams: fetches, reports, probes. */
const SPARE_CONNECTIONS = 2000;
/** Time for everything to end by itself; the process then ends without it. */
const LONGEST_END_MS = 1500;
/** Who asks for what is not there uses up its share too. */
const NOTHING: Route = { path: '**', answer: async (_url, _request, response) => answerNothing(response) };

function stuckError({ what, forMs, limitMs }: Overdue): SidecarError {
  const detail = `it takes ${Math.round(forMs / 1000)} s by now and should have ended after ${Math.round(limitMs / 1000)} s`;
  return new SidecarError('ERR_RELAY_STUCK', { op: 'wait for', target: what, detail, isLate: true });
}

function mostConnectionsOf({ maxSubscribers }: RelayConfig): number {
  return maxSubscribers + SPARE_CONNECTIONS;
}

/** What the endpoint of a process with this relay needs. */
export function endpointOf(
  config: RelayConfig,
): Pick<HttpServerOptions, 'tls' | 'mostConnections' | 'mostOfOneAddress'> {
  const { tls, maxConnectionsPerAddress: mostOfOneAddress } = config;
  return { tls, mostConnections: mostConnectionsOf(config), mostOfOneAddress };
}

/** One client of the git servers for a fleet, as a service of a process. */
export class RelayService implements Service {
  readonly hasPage = true;
  readonly inbound: InboundOptions;
  readonly routes: RouteTable;
  readonly #ambient: Ambient;
  readonly #relay: WiredRelay;
  readonly #watchdog: Watchdog;
  readonly #stopping = new AbortController();
  #stuck: Overdue | undefined;
  #server: HttpServer | undefined;

  private constructor({ config, ambient }: RelayServiceOptions, relay: WiredRelay, watchdog: Watchdog) {
    const { clock, log } = ambient;
    const { hub, onRefused } = relay;
    const browser = browserRoutes(relay, clock);
    const mostConnections = mostConnectionsOf(config);
    this.#ambient = ambient;
    this.#relay = relay;
    this.#watchdog = watchdog;
    this.inbound = inboundOf(relay, clock, log);
    const quotas = new Quotas({
      clock,
      ownerOf: (request) => browser.ownerOf(request),
      mostPerSecond: config.maxRequestsPerSecond,
      mostBytesPerSecond: config.maxTraffic,
      mostUnderWay: () => mostConnections - hub.subscribers,
      turns: new RequestTurns({ isShared: (owner) => hub.hasStreamsBeside(owner), nextRound: setImmediate }),
      onRefused,
    });
    const streams = [eventsRoute(relay), ...browser.streams];
    const others = [gitRoute({ ...relay, agent: AGENT }), reportsRoute(relay), ...browser.routes, NOTHING];
    this.routes = new RouteTable([
      ...streams.map(({ path, answer }) => ({ path, answer: quotas.sharingStreams(answer) })),
      ...others.map(({ path, answer }) => ({ path, answer: quotas.sharing(answer) })),
    ]);
  }

  /** @throws SidecarError where the root, git or the configuration cannot be used */
  static async open(options: RelayServiceOptions): Promise<RelayService> {
    const { ambient, announce, parsePolicies } = options;
    const { clock, log } = ambient;
    const policies = new PolicyFile(options.config.policies ?? options.config.rollouts, parsePolicies, log);
    const file = await policies.open();
    const role = roleOf(options.config, file);
    const { config } = role;
    await requireProgram(config.git, config.environment.PATH);
    const root = await prepareRoot(config.root, 0o700);
    await claimRelayRoot(root);
    announce({ root, allow: config.allow.join(' '), period_ms: config.periodMs });
    if (config.accessFile === undefined)
      log.warn('without --access-file every client that reaches this relay may read all that it serves');
    await endPredecessors(root, log);
    await prepareRole(root, role);
    if (role.follows)
      log.info(0, 'another relay decides about rollouts; this one follows it', {
        decider: role.follows.name,
        relay: role.follows.url,
      });
    let giveUp: (overdue: Overdue) => void = () => undefined;
    const watchdog = new Watchdog({
      clock,
      onOverdue: (overdue) => log.error(stuckError(overdue), 'something is stuck'),
      onStuck: (overdue) => giveUp(overdue),
    });
    const relay = await wireRelay({ ...ambient, config, root, watchdog, policies, role });
    const service = new RelayService(options, relay, watchdog);
    giveUp = (overdue) => service.#giveUp(overdue);
    await relay.access.open();
    await relay.disk.check();
    await relay.answers.open();
    if (file) {
      await relay.rollouts.open(file.policies);
      await relay.outbox.open(file);
    }
    await relay.repositories.open();
    return service;
  }

  #giveUp(overdue: Overdue): void {
    this.#stuck = overdue;
    this.#stopping.abort();
  }

  get pending(): readonly string[] {
    return this.#watchdog.pending;
  }

  liveness(): Verdict {
    const { overdue } = this.#watchdog;
    return overdue ? { ok: false, text: `stuck: ${overdue.what}` } : YES;
  }

  /**
   * A relay is ready when it has something to serve, also while a git server is unreachable; it is not ready while
   * something is stuck.
   */
  readiness(): Verdict {
    const { repositories, disk } = this.#relay;
    if (disk.trouble !== undefined) return { ok: false, text: disk.trouble };
    const missing = repositories.followers.filter((each) => repositories.isAlways(each) && !each.isKnown);
    if (missing.length === 0) return this.liveness();
    return { ok: false, text: `not mirrored yet: ${missing.map(({ upstream }) => upstream.name).join(' ')}` };
  }

  status(): unknown {
    return { subscribers: this.#relay.hub.subscribers, repositories: this.#relay.repositories.followers.length };
  }

  showMetrics(): void {
    const { metrics, clock } = this.#ambient;
    if (metrics) showRelay(metrics, this.#relay, clock);
  }

  onServing(server: HttpServer): void {
    this.#server = server;
  }

  wake(): void {
    for (const follower of this.#relay.repositories.followers) follower.wake({});
  }

  async run(signal: AbortSignal): Promise<ServiceEnd> {
    const { clock, log } = this.#ambient;
    const ends = AbortSignal.any([signal, this.#stopping.signal]);
    const server = (): HttpServer | undefined => this.#server;
    keepHouse({ relay: this.#relay, server, clock, log, signal: ends, watchdog: this.#watchdog });
    if (!ends.aborted) await new Promise<void>((done) => ends.addEventListener('abort', () => done()));
    return this.#stuck ? { status: 1, error: stuckError(this.#stuck) } : { status: 0 };
  }

  async stop(): Promise<void> {
    const { hub, repositories, answers, dispose } = this.#relay;
    const { runner, log } = this.#ambient;
    this.#stopping.abort();
    hub.close();
    this.#relay.live.close();
    const end = async (): Promise<void> => {
      await Promise.all([repositories.close(), answers.close(), runner.endAll()]);
      await dispose();
    };
    if (!(await settledWithin(end(), LONGEST_END_MS))) log.warn('not everything ended in time');
  }
}
