import type { AdvertisedRef } from '../../model/ref.ts';
import { atOnce, inTurns, type Steps, stepsOver } from '../../platform/in-turns.ts';
import type { Refs } from '../protocol/refs.ts';
import { type RefView, viewInTurns } from '../server/streams/ref-view.ts';

interface ShownTips {
  /** How many refs there are, but for HEAD. */
  readonly count: number;
  readonly tips: readonly { readonly ref: string; readonly oid: string }[];
}

/** A repository with thousands of branches does not fill the page with them. */
const MOST = 50;

/** Refs are never changed in place. */
const KNOWN = new WeakMap<Refs, ShownTips>();

/** The default branch, other branches by name, and then tags, those first that sort last: the newest versions. */
function comesBefore(a: AdvertisedRef, b: AdvertisedRef, head: string | undefined): boolean {
  const [left, right] = [weightOf(a.name, head), weightOf(b.name, head)];
  if (left !== right) return left < right;
  return left === 2 ? a.name > b.name : a.name < b.name;
}

function weightOf(ref: string, head: string | undefined): number {
  if (ref === head) return 0;
  return ref.startsWith('refs/heads/') ? 1 : 2;
}

/** The refs that the page shows of a repository: few, found in one pass over perhaps very many. */
export function shownTips(refs: Refs): ShownTips {
  return KNOWN.get(refs) ?? atOnce(tipSteps(refs));
}

/** {@link shownTips} of what `view` shows costs nothing from then on. Other work goes on meanwhile. */
export async function prepareTips(refs: Refs, view: RefView): Promise<void> {
  const seen = await viewInTurns(refs, view);
  if (!KNOWN.has(seen)) await inTurns(tipSteps(seen));
}

function* tipSteps(refs: Refs): Steps<ShownTips> {
  const head = refs.get('HEAD')?.symref;
  const best: AdvertisedRef[] = [];
  let count = 0;
  yield* stepsOver(refs.values(), (ref) => {
    if (ref.name === 'HEAD') return;
    count += 1;
    const last = best.at(-1);
    if (best.length >= MOST && last && !comesBefore(ref, last, head)) return;
    const place = best.findIndex((each) => comesBefore(ref, each, head));
    best.splice(place < 0 ? best.length : place, 0, ref);
    if (best.length > MOST) best.pop();
  });
  const shown = { count, tips: best.map(({ name, oid, peeledOid }) => ({ ref: name, oid: peeledOid ?? oid })) };
  KNOWN.set(refs, shown);
  return shown;
}
