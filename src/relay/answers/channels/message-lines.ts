import { describeEvent } from '../describe-event.ts';
import type { RolloutEvent } from '../rollout-event.ts';
import { valuesOfEvent } from '../template.ts';
import type { Message } from './channel-api.ts';

/** How a receiver tells a problem from a success. */
export type Tone = 'good' | 'bad' | 'neutral';

const BAD: readonly RolloutEvent['event'][] = ['halted', 'aborted', 'failed', 'reverted'];

export function toneOf({ events }: Message): Tone {
  const last = events.at(-1)?.event;
  if (last === undefined) return 'neutral';
  if (last === 'completed') return 'good';
  return BAD.includes(last) ? 'bad' : 'neutral';
}

/** A message for people, a line an event, the oldest first. */
export function messageLines({ events, more }: Message): readonly string[] {
  const before = more === 0 ? [] : [`and ${more} more before`];
  return [...before, ...events.map(describeEvent)];
}

/** The page about the last event. */
export function pageOf({ events }: Message, pageUrl: string | undefined): string | undefined {
  const last = events.at(-1);
  return last && (valuesOfEvent(last, pageUrl).page || undefined);
}
