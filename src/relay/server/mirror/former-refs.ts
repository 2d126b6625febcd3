import type { AdvertisedRef } from '../../../model/ref.ts';
import type { Refs } from '../../protocol/refs.ts';

/**
 * `wanted`, where the refs of these names are as `shown` has them; those that it does not have are left out. HEAD goes
 * with the branch that it points at, and is left out where it would show something that no other ref does.
 */
export function withFormer(
  wanted: Refs,
  shown: Refs,
  names: { has(name: string): boolean; readonly size: number },
): Refs {
  if (names.size === 0) return wanted;
  const refs = new Map<string, AdvertisedRef>();
  for (const [name, ref] of wanted) {
    if (name === 'HEAD') continue;
    const kept = names.has(name) ? shown.get(name) : ref;
    if (kept) refs.set(name, kept);
  }
  const head = headOf(wanted.get('HEAD'), refs);
  // It comes first, as with every git server.
  return head ? new Map([['HEAD', head], ...refs]) : refs;
}

function headOf(head: AdvertisedRef | undefined, refs: Refs): AdvertisedRef | undefined {
  const target = head?.symref === undefined ? undefined : refs.get(head.symref);
  if (head && target) return { ...head, oid: target.oid };
  const isShown = head?.symref === undefined && [...refs.values()].some(({ oid }) => oid === head?.oid);
  return isShown ? head : undefined;
}
