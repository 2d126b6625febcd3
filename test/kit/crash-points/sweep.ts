import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { httpGit } from '../http-git.ts';
import { faultsAtRest, faultsOfPublished } from './checks.ts';
import { runOneCycle } from './crashing-run.ts';
import { Place } from './place.ts';
import { type Scenario, settle } from './scenarios.ts';

/** More points than this are sampled. */
const MOST_POINTS = 400;
/** A sequence of crashes uses about two commits for each. */
const COMMITS_FOR_EACH = 8;

export interface SweepOptions {
  /** One of so many points is tried; 1: all. */
  readonly step?: number;
  /** Sequences of crashes at the same time. */
  readonly lanes?: number;
  /** Called behind each point; `killed`, `missed`, or what is wrong. */
  readonly onResult?: (point: string, result: string) => void;
}

export interface Sweep {
  /** Points of one run. */
  readonly points: number;
  readonly tried: number;
  readonly killed: number;
  /** Points that did not come in the run that was to be killed there: what runs at the same time was faster or slower. */
  readonly missed: readonly string[];
  readonly faults: readonly string[];
}

/** Kills a process at `at`, looks at what is published, starts another one, and looks at what that leaves. */
async function crash(
  place: Place,
  { args, isFirst, prepare }: Scenario,
  at: string,
): Promise<'killed' | 'missed' | string> {
  const accepted = await prepare(place);
  const { isKilled } = await runOneCycle(place, args, at);
  const seen = faultsOfPublished(place, isFirst === true, accepted);
  if (seen.length > 0) return `killed behind “${at}”: ${seen.join('; ')}`;
  try {
    await settle(place, args);
  } catch (error) {
    return `killed behind “${at}”: ${error instanceof Error ? error.message : String(error)}`;
  }
  const left = faultsAtRest(place);
  if (left.length > 0) return `killed behind “${at}” and started again: ${left.join('; ')}`;
  return isKilled ? 'killed' : 'missed';
}

/**
 * Runs an update once to number what it does, then kills one behind each point.
 */
export async function sweep(
  dir: string,
  scenario: Scenario,
  { step = 1, lanes = 2, onResult }: SweepOptions = {},
): Promise<Sweep> {
  const server = scenario.overHttp ? await httpGit(dir) : undefined;
  const first = newPlace(dir, 0, 30, server);
  await scenario.prepare(first);
  const { points, stderr } = await runOneCycle(first, scenario.args, undefined);
  if (!points.some((point) => scenario.shows.test(point)))
    throw new Error(`another update: ${points.join('\n')}\n${stderr}`);
  await settle(first, scenario.args);
  const faults = faultsAtRest(first).map((fault) => `not killed: ${fault}`);
  const each = Math.max(step, Math.ceil(points.length / MOST_POINTS));
  const chosen = points.filter((_point, index) => index % each === 0 || index === points.length - 1);
  const missed: string[] = [];
  let [next, killed] = [0, 0];
  const lane = async (number: number): Promise<void> => {
    let place = newPlace(dir, number, chosen.length * COMMITS_FOR_EACH + 10, server);
    for (let at = chosen[next++]; at !== undefined; at = chosen[next++]) {
      // What runs at the same time may have been faster or slower: then the point did not come.
      let result = await crash(place, scenario, at);
      if (result === 'missed') result = await crash(place, scenario, at);
      onResult?.(at, result);
      if (result === 'killed') killed += 1;
      else if (result === 'missed') missed.push(at);
      else {
        faults.push(result);
        // What it left says nothing about the next point.
        place = newPlace(dir, number, chosen.length * COMMITS_FOR_EACH + 10, server);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index + 1)));
  return { points: points.length, tried: chosen.length, killed, missed, faults };
}

function newPlace(dir: string, number: number, commits: number, server: string | undefined): Place {
  const path = join(dir, `${number}`);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  const place = new Place(path, commits, server);
  place.empty();
  return place;
}
