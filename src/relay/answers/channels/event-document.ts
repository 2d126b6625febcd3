import type { RolloutEvent } from '../rollout-event.ts';
import { valuesOfEvent } from '../template.ts';

/** An event as JSON, for programs. What is not known is null. */
export function eventDocument(event: RolloutEvent, pageUrl: string | undefined): Readonly<Record<string, unknown>> {
  const { event: name, repository, ref, policy, oid, stage, who, why } = event;
  const { text, page, time } = valuesOfEvent(event, pageUrl);
  return {
    ...{ event: name, text, repository, ref, commit: oid ?? null, policy, stage: stage ?? null },
    ...{ who: who ?? null, why: why ?? null, time, page: page || null },
  };
}
