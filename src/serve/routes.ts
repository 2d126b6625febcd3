import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { type Verdict, YES } from '../model/verdict.ts';
import { answerText, bearerToken } from '../platform/http-answer.ts';
import type { Answer, Route } from '../platform/http-route.ts';
import type { Health } from './health.ts';
import { isSameSecret } from './inbound/authenticate.ts';
import type { Metrics } from './metrics.ts';
import { comesFromHere } from './profile-access.ts';
import type { Profiles } from './profiles.ts';

/** `/healthz`: this process answers, and nothing in it is stuck. `/readyz`: it has done its work. */
export function probeRoutes(readiness: () => Verdict, liveness: () => Verdict = () => YES): Route[] {
  const answer =
    (judge: () => Verdict): Answer =>
    async (_url, _request, response) => {
      const { ok, text } = judge();
      answerText(response, ok ? 200 : 503, text);
    };
  return [
    { path: '/healthz', answer: answer(liveness) },
    { path: '/readyz', answer: answer(readiness) },
  ];
}

/** @param beforeScrape brings gauges up to date just before they are read */
export function metricsRoute(metrics: Metrics, beforeScrape: () => void): Route {
  return {
    path: '/metrics',
    answer: async (_url, _request, response) => {
      beforeScrape();
      const text = await metrics.render();
      response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
    },
  };
}

/** A profile holds whatever this process has in memory, passwords included. */
export function profilesRoute(profiles: Profiles, tokenFile: string | undefined): Route {
  const prefix = '/debug/pprof/';
  const forbidden = 'profiles are for programs of this machine, or with the token of --http-pprof-token-file';
  return {
    path: `${prefix}**`,
    answer: async (url, request, response) => {
      if (comesFromHere(request) || (await showsToken(request, tokenFile)))
        await profiles.serve(url.pathname.slice(prefix.length), url, request, response);
      else answerText(response, 403, forbidden);
    },
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
  return {
    path: '**',
    answer: async (_url, _request, response) => {
      const initialized = alwaysInitialized || health.isInitialized;
      answerText(response, initialized ? 200 : 503, initialized ? 'ok' : 'repo is not ready');
    },
  };
}

/** A JSON document at a path. */
export function jsonRoute(path: string, document: () => unknown): Route {
  return {
    path,
    answer: async (_url, _request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(`${JSON.stringify(document(), null, 2)}\n`);
    },
  };
}
