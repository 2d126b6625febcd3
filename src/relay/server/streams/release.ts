import type { Follower } from '../mirror/follower.ts';
import type { Hub, ViewOf } from './hub.ts';

/** So many refs are looked at in one piece. */
const FEW_REFS = 1000;

/** Shows instances where refs are for them now: at once, or where there are very many as soon as that was prepared. */
export function release(
  hub: Pick<Hub, 'prepareRelease' | 'release'>,
  follower: Follower,
  instances: ReadonlySet<string>,
  viewOf: ViewOf,
): void {
  const go = (): void => hub.release(follower, instances, viewOf);
  if (follower.refs.size <= FEW_REFS) go();
  else void hub.prepareRelease(follower, instances, viewOf).then(go, go);
}
