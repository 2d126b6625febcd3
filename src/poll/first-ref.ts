import { SidecarError } from '../model/error.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import type { RefChoice } from './ref-choice.ts';

/** Follows the first of `candidates`, full names, that the server has. */
export function chooseFirst(requested: string, candidates: readonly string[]): RefChoice {
  return {
    id: JSON.stringify(candidates),
    requested,
    questions: candidates,
    names: candidates,
    covers: (name) => candidates.includes(name),
    // A ref that would win over the one that is there is seen at the next poll.
    isBefore: () => false,
    collect: () => {
      const found = new Map<string, AdvertisedRef>();
      return {
        take: (ref) => void found.set(ref.name, ref),
        get chosen() {
          const first = candidates.find((name) => found.has(name));
          return first === undefined ? undefined : found.get(first);
        },
        sample: [],
        wider: [],
        absence: (shownUrl) => {
          const detail = `couldn't find remote ref ${requested} in ${shownUrl}`;
          return new SidecarError('ERR_REMOTE_REF', { op: 'look for', target: requested, detail });
        },
      };
    },
  };
}
