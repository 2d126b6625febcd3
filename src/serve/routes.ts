import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Verdict, YES } from '../model/verdict.ts';
import { answerText, bearerToken, type Route } from '../platform/http-answer.ts';
import type { Health } from './health.ts';
import { isSameSecret } from './inbound/authenticate.ts';
import type { Metrics } from './metrics.ts';
import { comesFromHere } from './profile-access.ts';
import type { Profiles } from './profiles.ts';

/** `/healthz`: this process answers, and nothing in it is stuck. `/readyz`: it has done its work. */
export function probeRoute(readiness: () => Verdict, liveness: () => Verdict = () => YES): Route {
  return async ({ pathname }, _request, response) => {
    const judge = { '/healthz': liveness, '/readyz': readiness }[pathname];
    if (!judge) return false;
    const verdict = judge();
    answerText(response, verdict.ok ? 200 : 503, verdict.text);
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

/** A profile holds whatever this process has in memory, passwords included. */
export function profilesRoute(profiles: Profiles, tokenFile: string | undefined): Route {
  const prefix = '/debug/pprof/';
  return async (url, request, response) => {
    if (!url.pathname.startsWith(prefix)) return false;
    if (!comesFromHere(request) && !(await showsToken(request, tokenFile))) {
      answerText(
        response,
        403,
        'profiles are for programs of this machine, or with the token of --http-pprof-token-file',
      );
      return true;
    }
    await profiles.serve(url.pathname.slice(prefix.length), url, request, response);
    return true;
  };
}

/** Read at each request, so that the token can be changed without a restart. */
async function showsToken(request: IncomingMessage, file: string | undefined): Promise<boolean> {
  const shown = bearerToken(request);
  if (file === undefined || shown === undefined) return false;
  const token = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
  return token !== '' && isSameSecret(shown, token);
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
