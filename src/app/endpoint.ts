import type { HttpConfig } from '../config/sync-config.ts';
import { type Verdict, YES } from '../model/verdict.ts';
import type { Clock } from '../platform/clock.ts';
import { type Route, RouteTable } from '../platform/http-route.ts';
import type { Logger } from '../platform/log.ts';
import { VERSION } from '../platform/version.ts';
import { pushRoute, triggerRoutes } from '../serve/inbound/routes.ts';
import type { Metrics } from '../serve/metrics.ts';
import type { OverviewEntry } from '../serve/overview-page.ts';
import { metricsRoute, probeRoutes, profilesRoute } from '../serve/routes.ts';
import { type FindAnswer, type HttpServer, startHttpServer } from '../serve/server.ts';
import type { Service } from '../service/service.ts';
import { inboundOf } from './inbound.ts';
import type { EndpointNeeds } from './plan.ts';
import { factsOf } from './service-facts.ts';

export interface EndpointOptions {
  readonly http: HttpConfig;
  readonly metrics: Metrics | undefined;
  /** Those that are open now, by name; asked for at each request. */
  readonly services: () => ReadonlyMap<string, Service>;
  /** Those of them that answer here. */
  readonly answering: () => readonly Service[];
  readonly needs: EndpointNeeds;
  /** They have names that users know. */
  readonly hasUnits: boolean;
  /** Come before those of the services. */
  readonly routes: readonly Route[];
  /** Leaves secrets out. */
  readonly redact: (value: unknown) => unknown;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The first service that says no; yes where none does, with what they have to add to that. */
function verdictOf(
  services: ReadonlyMap<string, Service>,
  hasUnits: boolean,
  ask: (service: Service) => Verdict,
): Verdict {
  // The purpose of the process comes last in the list, and is asked first.
  const remarks: string[] = [];
  for (const [name, service] of [...services].reverse()) {
    const { ok, text } = ask(service);
    const shown = hasUnits ? `${name}: ${text}` : text;
    if (!ok) return { ok, text: shown };
    if (text !== YES.text) remarks.push(shown);
  }
  return remarks.length === 0 ? YES : { ok: true, text: remarks.join('; ') };
}

/**
 * Serves probes, metrics, profiles, notifications, and what the services of the process answer.
 * @throws SidecarError ERR_SERVE_BIND
 */
export async function openEndpoint(options: EndpointOptions): Promise<HttpServer> {
  const { http, metrics, services, answering, needs, hasUnits, redact, clock, log } = options;
  // Those that watch over us are answered however much there is to do.
  const routes: Route[] = [
    ...probeRoutes(
      () => verdictOf(services(), hasUnits, (service) => service.readiness()),
      () => verdictOf(services(), hasUnits, (service) => service.liveness()),
    ),
  ];
  if (metrics)
    routes.push(
      metricsRoute(metrics, () => {
        for (const service of services().values()) service.showMetrics();
      }),
    );
  if (http.profiles)
    routes.push(profilesRoute(new (await import('../serve/profiles.ts')).Profiles(), http.profilesTokenFile));
  // They have limits of their own, which no flood of other requests uses up.
  const inbound = inboundOf({ services, hasUnits, clock, log });
  if (http.pushSecretFile !== undefined) routes.push(pushRoute(http.pushSecretFile, inbound));
  if (http.syncTokenFile !== undefined) routes.push(...triggerRoutes(http.syncTokenFile, inbound));
  const own = new RouteTable([...routes, ...options.routes]);
  const { answerOverview, wantsOverview } = await import('../serve/overview-page.ts');
  const entries = (): OverviewEntry[] =>
    [...services()].map(([name, service]) => ({ name, facts: redact(factsOf(service)) as OverviewEntry['facts'] }));
  const overview = answerOverview(VERSION, entries);
  const find: FindAnswer = (pathname, request) => {
    const asked = own.find(pathname);
    if (asked) return asked;
    const ready = answering();
    if (wantsOverview(pathname, request) && !ready.some(({ hasPage }) => hasPage)) return overview;
    for (const { routes } of ready) {
      const found = routes.find(pathname);
      if (found) return found;
    }
    return undefined;
  };
  return await startHttpServer({ ...needs, config: http, log, find });
}
