import type { JSX } from 'preact';
import type { RolloutDocument } from '../server/fleet/rollout.ts';
import { duration, shortOid, shortRef } from './format.ts';

const BAR = 14;
const GAP = 4;
const HEIGHT = 56;

/** The last moves, the newest at the right: half of the instances had it after the dark part, 99 % after all of it. */
export function MovesChart({ moves }: { readonly moves: readonly RolloutDocument[] }): JSX.Element {
  const shown = [...moves].reverse();
  const longest = Math.max(1, ...shown.map(({ p99Ms }) => p99Ms ?? 0));
  const height = (ms: number | null): number => (ms === null ? 0 : Math.max(1, (ms / longest) * HEIGHT));
  const newest = moves.find(({ p50Ms }) => p50Ms !== null);
  const label = newest
    ? `The newest: half of the instances after ${duration(newest.p50Ms ?? 0)}, 99 % after ${duration(newest.p99Ms ?? 0)}; the slowest of all shown ${duration(longest)}.`
    : 'No instance has followed yet.';
  return (
    <figure class="chart">
      <svg
        role="img"
        aria-label={label}
        width={shown.length * (BAR + GAP)}
        height={HEIGHT}
        viewBox={`0 0 ${shown.length * (BAR + GAP)} ${HEIGHT}`}
      >
        {shown.map((move, index) => (
          <g key={`${move.ref} ${move.at}`}>
            <title>{`${shortRef(move.ref)} ${shortOid(move.oid)}: ${move.done} of ${move.instances}, half after ${duration(move.p50Ms ?? 0)}, 99 % after ${duration(move.p99Ms ?? 0)}`}</title>
            <rect
              class="slow"
              x={index * (BAR + GAP)}
              width={BAR}
              y={HEIGHT - height(move.p99Ms)}
              height={height(move.p99Ms)}
            />
            <rect
              class="half"
              x={index * (BAR + GAP)}
              width={BAR}
              y={HEIGHT - height(move.p50Ms)}
              height={height(move.p50Ms)}
            />
          </g>
        ))}
      </svg>
      <figcaption class="quiet">{label}</figcaption>
    </figure>
  );
}
