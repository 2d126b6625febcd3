import type { ServerResponse } from 'node:http';
import type { Verdict } from '../model/verdict.ts';
import { answerJson, answerText } from '../platform/http-answer.ts';
import type { Answer, Route } from '../platform/http-route.ts';
import { VERSION } from '../platform/version.ts';
import { factsOf } from './service-facts.ts';
import type { UnitLife } from './unit-life.ts';

export interface StatusOptions {
  readonly lives: ReadonlyMap<string, UnitLife>;
  /** About the document as a whole. */
  readonly about: () => Readonly<Record<string, unknown>>;
  /** Leaves secrets out. */
  readonly redact: (value: unknown) => unknown;
}

function describe({ unit, service }: UnitLife): Readonly<Record<string, unknown>> {
  return { kind: unit.kind, ...factsOf(service) };
}

/** `/status`: all units, as JSON. `/status/NAME`, `/readyz/NAME`, `/healthz/NAME`: one of them. */
export function statusRoutes({ lives, about, redact }: StatusOptions): Route[] {
  const aboutUnit =
    (tell: (life: UnitLife, response: ServerResponse) => void): Answer =>
    async ({ pathname }, _request, response) => {
      const life = lives.get(pathname.slice(pathname.lastIndexOf('/') + 1));
      if (life) tell(life, response);
      else answerText(response, 404, 'there is no unit of this name');
    };
  const verdict = (response: ServerResponse, { ok, text }: Verdict): void =>
    answerText(response, ok ? 200 : 503, String(redact(text)));
  return [
    {
      path: '/status',
      answer: async (_url, _request, response) => {
        const units = Object.fromEntries([...lives].map(([name, life]) => [name, describe(life)]));
        answerJson(response, 200, redact({ version: VERSION, ...about(), units }));
      },
    },
    {
      path: '/status/*',
      answer: aboutUnit((life, response) => answerJson(response, 200, redact(describe(life)))),
    },
    { path: '/readyz/*', answer: aboutUnit(({ service }, response) => verdict(response, service.readiness())) },
    { path: '/healthz/*', answer: aboutUnit(({ service }, response) => verdict(response, service.liveness())) },
  ];
}
