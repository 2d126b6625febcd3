import type { AdvertisedRef } from '../../model/ref.ts';
import type { Refs } from '../protocol/refs.ts';

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
  const known = KNOWN.get(refs);
  if (known) return known;
  const head = refs.get('HEAD')?.symref;
  const best: AdvertisedRef[] = [];
  let count = 0;
  for (const ref of refs.values()) {
    if (ref.name === 'HEAD') continue;
    count += 1;
    const last = best.at(-1);
    if (best.length >= MOST && last && !comesBefore(ref, last, head)) continue;
    const place = best.findIndex((each) => comesBefore(ref, each, head));
    best.splice(place < 0 ? best.length : place, 0, ref);
    if (best.length > MOST) best.pop();
  }
  const shown = { count, tips: best.map(({ name, oid, peeledOid }) => ({ ref: name, oid: peeledOid ?? oid })) };
  KNOWN.set(refs, shown);
  return shown;
}
