import type { Governed } from './governed.ts';

/** When the rollout could go on by time alone, in milliseconds since the epoch; undefined: never. */
export function nextTick(governed: Governed): number | undefined {
  const { now, underWay, paused, calendar, stages, settleUntil } = governed;
  if (!underWay) return undefined;
  // After a restart, nothing was called yet.
  if (now === Number.NEGATIVE_INFINITY) return 0;
  const times: (number | undefined)[] = [calendar.nextChange(now)];
  if (governed.isSettling) times.push(settleUntil);
  if (!paused) times.push(governed.nextGrace);
  if (underWay.heldFrom === undefined && underWay.stage >= 0) {
    const soakMs = underWay.skipsAhead ? 0 : (stages[underWay.stage]?.soakMs ?? 0);
    if (underWay.soakFrom !== undefined) times.push(underWay.soakFrom + soakMs);
    else if (!underWay.isUninhabited) times.push(underWay.deadlineAt);
  }
  const later = times.filter((time) => time !== undefined).filter((time) => time > now);
  return later.length === 0 ? undefined : Math.min(...later);
}
