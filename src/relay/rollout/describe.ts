import type { Governed, Rollout } from './governed.ts';
import type { Said } from './governed-state.ts';
import type { FailureView, GovernedView, RolloutStatus, StageView } from './governed-view.ts';
import { isUnavailable, type Member } from './member.ts';
import { mostUnavailable } from './stage-of.ts';

/** Of lists of names. */
const MOST_LISTED = 20;

const iso = (ms: number): string => new Date(ms).toISOString();

interface Standing {
  readonly status: RolloutStatus;
  readonly why: string;
  readonly since: number | undefined;
}

function goingBack(governed: Governed): number {
  return [...governed.members.values()].filter(({ connected, goesBack }) => connected && goesBack).length;
}

/** One that is under way. */
function standingOf(governed: Governed, rollout: Rollout, isFrozen: boolean): Standing {
  const { paused } = governed;
  const since = rollout.heldFrom ?? rollout.openedAt;
  if (paused) return { status: 'paused', why: `paused by ${paused.who}: ${paused.why}`, since: paused.at };
  if (isFrozen) return { status: 'frozen', why: 'a freeze window is open', since };
  if (governed.isSettling)
    return { status: 'running', why: 'the relay restarted; instances are expected back', since: rollout.openedAt };
  const name = governed.stages[rollout.stage]?.name;
  if (name === undefined) return { status: 'running', why: 'the first stage is about to open', since };
  if (rollout.soakFrom !== undefined)
    return { status: 'soaking', why: `all of stage ${name} are done; it soaks`, since: rollout.soakFrom };
  const why = rollout.isUninhabited
    ? `no instance that stage ${name} selects is connected; \`promote\` passes over it`
    : `stage ${name} is open${troubleIn(governed, rollout)}`;
  return { status: 'running', why, since: rollout.openedAt };
}

/** The first process that ended and is started again, as the rest of a sentence. */
function troubleIn({ members }: Governed, { oid }: Rollout): string {
  for (const { connected, target, name, running } of members.values()) {
    const isTrouble = connected && target === oid && running?.oid === oid && running.state === 'restarting';
    if (isTrouble) return `; the process of ${name} is started again${running.detail ? `: ${running.detail}` : ''}`;
  }
  return '';
}

function standing(governed: Governed, isFrozen: boolean): Standing {
  const { rollout, paused, pinned, completed, tip } = governed;
  const back = goingBack(governed);
  if (rollout?.halt) {
    const { why, at, who } = rollout.halt;
    const reason = who === undefined ? why : `aborted by ${who}: ${why}`;
    return { status: back > 0 ? 'reverting' : 'halted', why: reason, since: at };
  }
  if (rollout) return standingOf(governed, rollout, isFrozen);
  if (back > 0) return { status: 'reverting', why: `${back} instances have not gone back yet`, since: completed?.at };
  if (paused) return { status: 'paused', why: `paused by ${paused.who}: ${paused.why}`, since: paused.at };
  if (pinned) return { status: 'complete', why: `pinned by ${pinned.who}: ${pinned.why}`, since: pinned.at };
  if (!completed) return { status: 'complete', why: 'nothing was pushed yet', since: undefined };
  const isBehind = tip !== undefined && tip !== completed.oid;
  const why = isBehind ? `the newest commit, ${tip}, was refused; \`resume\` rolls it out` : 'nothing is under way';
  return { status: 'complete', why, since: completed.at };
}

function stateOfStage({ stage, soakFrom }: Rollout, index: number): StageView['state'] {
  if (index !== stage) return index < stage ? 'over' : 'waiting';
  return soakFrom === undefined ? 'open' : 'soaking';
}

function viewOfStage({ members, stages }: Governed, rollout: Rollout, index: number): StageView {
  const own = [...members.values()].filter((member) => member.stage === index);
  const released = own.filter(({ target }) => target === rollout.oid);
  const count = (test: (member: Member) => boolean): number => released.filter(test).length;
  return {
    name: stages[index]?.name ?? '',
    state: stateOfStage(rollout, index),
    instances: own.length,
    released: released.length,
    done: count(({ progress }) => progress === 'done'),
    failed: count(({ progress }) => progress === 'failed'),
    lost: count(({ progress, connected }) => progress !== 'done' && !connected),
    open: released
      .filter(({ progress }) => progress !== 'done')
      .slice(0, MOST_LISTED)
      .map(({ name }) => name),
  };
}

function viewOfSaid(said: Said | undefined): GovernedView['paused'] {
  return said ? { who: said.who, why: said.why, since: iso(said.at) } : null;
}

function viewOfFailures({ stages }: Governed, rollout: Rollout): readonly FailureView[] {
  return rollout.failures.slice(-MOST_LISTED).map(({ name, stage, reason, at }) => {
    return { instance: name, stage: stages[stage]?.name ?? '', reason, at: iso(at) };
  });
}

/** How many are unavailable, and how many may be. */
function availability({ members, stages, policy }: Governed, rollout: Rollout | undefined): [number, number] {
  const all = [...members.values()].filter(({ silent }) => !silent);
  const limit = stages[rollout?.stage ?? -1]?.maxUnavailable ?? policy.maxUnavailable;
  const most = mostUnavailable(limit, all.filter(({ connected }) => connected).length);
  const isOne = (member: Member): boolean =>
    rollout !== undefined && member.target === rollout.oid ? isUnavailable(member) : member.leftover;
  return [all.filter(isOne).length, most];
}

/** What the stage that is open waits for by time, in milliseconds since the epoch. */
function endsOf({ stages }: Governed, rollout: Rollout): { deadline?: number; soaked?: number } {
  const stage = stages[rollout.stage];
  if (!stage || rollout.halt) return {};
  if (rollout.soakFrom !== undefined) return { soaked: rollout.soakFrom + (rollout.skipsAhead ? 0 : stage.soakMs) };
  // Its clock stands still.
  return rollout.isUninhabited || rollout.heldFrom !== undefined ? {} : { deadline: rollout.deadlineAt };
}

export function describeGoverned(governed: Governed, now: number): GovernedView {
  const { policy, rollout, completed, tip, stages, queue, refused, paused, pinned, journal, calendar } = governed;
  const isThawed = rollout?.thawed !== undefined && rollout.thawed === rollout.stage;
  const frozen = Number.isFinite(now) && calendar.isFrozen(now);
  const isStopped = frozen && (!isThawed || rollout.soakFrom !== undefined);
  const { status, why, since } = standing(governed, isStopped);
  const [unavailable, most] = availability(governed, rollout);
  const ends = rollout ? endsOf(governed, rollout) : {};
  return {
    policy: policy.name,
    status,
    why,
    since: since === undefined ? null : iso(since),
    oid: rollout?.oid ?? completed?.oid ?? null,
    from: rollout ? (completed?.oid ?? null) : null,
    completed: completed?.oid ?? null,
    tip: tip ?? null,
    stage: (rollout && stages[rollout.stage]?.name) ?? null,
    stages: rollout ? stages.map((_stage, index) => viewOfStage(governed, rollout, index)) : [],
    unavailable,
    maxUnavailable: most,
    deadline: ends.deadline === undefined ? null : iso(ends.deadline),
    soakedAt: ends.soaked === undefined ? null : iso(ends.soaked),
    frozen,
    paused: viewOfSaid(paused),
    pinned: viewOfSaid(pinned),
    queued: queue.map(({ oid }) => oid),
    refused,
    failures: rollout ? viewOfFailures(governed, rollout) : [],
    journal: [...journal].reverse(),
  };
}
