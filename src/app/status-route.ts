import { answerJson, answerText, type Route } from '../platform/http-answer.ts';
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
export function statusRoute({ lives, about, redact }: StatusOptions): Route {
  return async ({ pathname }, _request, response) => {
    if (pathname === '/status') {
      const units = Object.fromEntries([...lives].map(([name, life]) => [name, describe(life)]));
      answerJson(response, 200, redact({ version: VERSION, ...about(), units }));
      return true;
    }
    const [, question, name = ''] = /^\/(status|readyz|healthz)\/([^/]+)$/.exec(pathname) ?? [];
    if (question === undefined) return false;
    const life = lives.get(name);
    if (!life) answerText(response, 404, 'there is no unit of this name');
    else if (question === 'status') answerJson(response, 200, redact(describe(life)));
    else {
      const { ok, text } = question === 'readyz' ? life.service.readiness() : life.service.liveness();
      answerText(response, ok ? 200 : 503, String(redact(text)));
    }
    return true;
  };
}
