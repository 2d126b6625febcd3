import type { SidecarError } from '../model/error.ts';
import type { Throttling } from '../platform/throttling.ts';

/** The time before an error in which its reason is looked for, in milliseconds. */
const WINDOW_MS = 60_000;
/** Less than this part of the time is no reason. */
const LEAST_PART = 0.1;

const seconds = (ms: number): string => (ms >= 10_000 ? (ms / 1000).toFixed(0) : (ms / 1000).toFixed(1));

/**
 * What to do about an error that only needed more time, when a bound on processor time held us back meanwhile. Options
 * are named as v4 does. @returns undefined when that is not why it was late
 */
export function lateHint({ isLate, facts }: SidecarError, throttling: Throttling): string | undefined {
  const held = isLate ? throttling.within(WINDOW_MS) : undefined;
  if (!held || held.heldMs < LEAST_PART * held.ofMs) return undefined;
  const limit = `${Math.round(held.limit * 1000)}m`;
  const other = facts.timeLimit === undefined ? '' : `, or \`${facts.timeLimit}\``;
  return `The CPU limit of ${limit} held this container back for ${seconds(held.heldMs)} of the last ${seconds(held.ofMs)} s: raise it (resources.limits.cpu)${other}.`;
}
