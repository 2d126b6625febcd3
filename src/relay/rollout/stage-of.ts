import { createHash } from 'node:crypto';
import type { MaxUnavailable, Policy, RestName, Selection, Stage } from '../../config/rollout-policy.ts';
import { compileGlob } from '../../platform/glob.ts';

const REST: RestName = 'the rest';

/** A stage with all that the policy says for it. Times are milliseconds. */
export interface FullStage {
  readonly name: string;
  readonly maxUnavailable: MaxUnavailable;
  readonly soakMs: number;
  readonly deadlineMs: number;
  readonly failures: number;
  readonly restarts: number;
  readonly select: Selection;
  /** True for an instance that its globs and labels select; how many of these are chosen, count and percentage say. */
  readonly matches: (name: string, labels: Readonly<Record<string, string>>) => boolean;
}

function compileSelection({ instances, labels }: Selection): FullStage['matches'] {
  const globs = instances?.map((glob) => compileGlob(glob, { least: 0, questionMark: true }));
  const pairs = Object.entries(labels ?? {});
  return (name, own) =>
    (globs === undefined || globs.some((matches) => matches(name))) &&
    pairs.every(([key, value]) => Object.hasOwn(own, key) && own[key] === value);
}

/** The stages of a policy, and behind them the one for all others. */
export function fullStages(policy: Policy): readonly FullStage[] {
  const rest: Stage = { name: REST, select: {} };
  return [...policy.stages, rest].map(({ name, select, ...own }) => ({
    name,
    select,
    matches: compileSelection(select),
    maxUnavailable: own.maxUnavailable ?? policy.maxUnavailable,
    soakMs: own.soakMs ?? policy.soakMs,
    deadlineMs: own.deadlineMs ?? policy.deadlineMs,
    failures: own.failures ?? policy.failures,
    restarts: own.restarts ?? policy.restarts,
  }));
}

/**
 * The place of an instance in the order of its fleet, from 0 to below 1. It depends on nothing but the two names, so a
 * percentage chooses the same instances each time, and a larger one chooses these and more.
 */
export function placeOf(policy: string, instance: string): number {
  return createHash('sha256').update(`${policy}\0${instance}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** How many instances may be unavailable at a time, of so many that are connected. */
export function mostUnavailable(limit: MaxUnavailable, connected: number): number {
  return typeof limit === 'number' ? limit : Math.max(1, Math.floor((connected * limit.percent) / 100));
}
