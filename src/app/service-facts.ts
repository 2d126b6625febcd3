import type { Verdict } from '../model/verdict.ts';
import type { Service } from '../service/service.ts';

/** What a person is shown of a service. */
export function factsOf(service: Service): Readonly<Record<string, unknown>> {
  const show = ({ ok, text }: Verdict): string | true => (ok ? true : text);
  const own = service.status();
  return {
    ready: show(service.readiness()),
    alive: show(service.liveness()),
    ...(typeof own === 'object' ? own : {}),
  };
}
