import type { Governed } from './governed.ts';
import { isExpected, type Member } from './member.ts';
import type { FullStage } from './stage-of.ts';

function isChosenByShare({ select }: FullStage, { place }: Member): boolean {
  return select.percent === undefined || place < select.percent / 100;
}

/** It has the revision, or could get it soon. */
export function isThere({ rollout, now }: Governed, member: Member): boolean {
  return member.target === rollout?.oid || isExpected(member, now);
}

/** Places of a stage with a count that are not taken by an instance that has the revision or is expected. */
function freePlaces(governed: Governed, index: number, count: number): number {
  let taken = 0;
  for (const member of governed.members.values()) if (member.stage === index && isThere(governed, member)) taken += 1;
  return Math.max(0, count - taken);
}

/** Those whom stage `index` chooses of the instances that no stage has. */
function chosenBy(governed: Governed, index: number): readonly Member[] {
  const stage = governed.stages[index];
  if (!stage) return [];
  const { count, percent } = stage.select;
  const isCandidate = (member: Member): boolean =>
    !member.silent && isThere(governed, member) && stage.matches(member.name, member.labels);
  const matching = [...governed.members.values()].filter(isCandidate);
  const free = matching.filter((member) => member.stage === undefined);
  const byPlace = (a: Member, b: Member): number => a.place - b.place;
  if (count !== undefined) {
    const there = free.filter(({ connected }) => connected).sort(byPlace);
    return there.slice(0, freePlaces(governed, index, count));
  }
  const within = free.filter((member) => isChosenByShare(stage, member));
  const isProof = (member: Member): boolean =>
    member.stage !== undefined || (member.connected && isChosenByShare(stage, member));
  if (percent === undefined || matching.some(isProof)) return within;
  // A small fleet may have nobody in a small percentage, and a stage that nobody goes through proves nothing.
  const [first] = free.filter(({ connected }) => connected).sort(byPlace);
  return first ? [...within, first] : within;
}

/** Puts those into stage `index` whom it chooses now. @returns whether there are any */
export function assign(governed: Governed, index: number): boolean {
  const chosen = chosenBy(governed, index);
  for (const member of chosen) {
    member.stage = index;
    member.late = false;
    governed.isChanged = true;
  }
  return chosen.length > 0;
}

/** An instance that joins a rollout under way: it belongs to the first stage open by now that selects it. */
export function assignNewcomer(governed: Governed, member: Member): void {
  const { underWay, stages } = governed;
  if (!underWay || member.stage !== undefined || member.silent) return;
  const from = underWay.skipsAhead ? governed.lastStage : 0;
  const found = stages.findIndex((stage, index) => {
    if (index < from || index > underWay.stage || !stage.matches(member.name, member.labels)) return false;
    const { count } = stage.select;
    if (count === undefined) return isChosenByShare(stage, member);
    // A stage that is over does not choose again.
    return index === underWay.stage && underWay.soakFrom === undefined && freePlaces(governed, index, count) > 0;
  });
  if (found < 0) return;
  member.stage = found;
  member.late = true;
  governed.isChanged = true;
}

/** Fills the places of instances that left before they had the revision. @returns whether others have places now */
export function refill(governed: Governed, index: number): boolean {
  const { select } = governed.stages[index] ?? {};
  if (select?.count === undefined && select?.percent === undefined) return false;
  for (const member of governed.members.values()) {
    if (member.stage !== index || isThere(governed, member)) continue;
    member.stage = undefined;
    governed.isChanged = true;
  }
  return assign(governed, index);
}

/** Somebody whom the globs and labels of stage `index` select is connected, in whatever stage. */
export function selectsSomebody(governed: Governed, index: number): boolean {
  const stage = governed.stages[index];
  if (!stage) return false;
  return [...governed.members.values()].some(
    (member) => member.connected && !member.silent && stage.matches(member.name, member.labels),
  );
}
