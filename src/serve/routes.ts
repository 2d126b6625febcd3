import type { ServerResponse } from 'node:http';
import { answerText, type Route } from '../platform/http-answer.ts';
import type { Health, Verdict } from './health.ts';
import type { Metrics } from './metrics.ts';
import type { Profiles } from './profiles.ts';

const ALIVE = (): Verdict => ({ ok: true, text: 'ok' });

/** `/healthz`: this process answers, and nothing in it hangs. `/readyz`: it has done its work. */
export function probeRoute(readiness: () => Verdict, liveness = ALIVE): Route {
  return async ({ pathname }, _request, response) => {
    const ask = pathname === '/healthz' ? liveness : pathname === '/readyz' ? readiness : undefined;
    if (!ask) return false;
    const { ok, text } = ask();
    answerText(response, ok ? 200 : 503, text);
    return true;
  };
}

/** @param beforeScrape brings gauges up to date just before they are read */
export function metricsRoute(metrics: Metrics, beforeScrape: () => void): Route {
  return async ({ pathname }, _request, response) => {
    if (pathname !== '/metrics') return false;
    beforeScrape();
    const text = await metrics.render();
    response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
    return true;
  };
}

export function profilesRoute(profiles: Profiles): Route {
  const prefix = '/debug/pprof/';
  return async (url, request, response) => {
    if (!url.pathname.startsWith(prefix)) return false;
    await profiles.serve(url.pathname.slice(prefix.length), url, request, response);
    return true;
  };
}

/** git-sync's `/`: any path, with any method (compat.md 5). */
export function rootRoute(health: Health, alwaysInitialized: boolean): Route {
  return async (_url, _request, response) => {
    const initialized = alwaysInitialized || health.isInitialized;
    answerText(response, initialized ? 200 : 503, initialized ? 'ok' : 'repo is not ready');
    return true;
  };
}

/** A JSON document at a path. */
export function jsonRoute(path: string, document: () => unknown): Route {
  const send = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(`${JSON.stringify(document(), null, 2)}\n`);
  };
  return async ({ pathname }, _request, response) => {
    if (pathname === path) send(response);
    return pathname === path;
  };
}
