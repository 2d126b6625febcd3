import type { Target } from '../config/sync-config.ts';
import type { DateSource } from './committed-collector.ts';
import { chooseFirst } from './first-ref.ts';
import { chooseNewest } from './newest-ref.ts';
import type { RefChoice } from './ref-choice.ts';

/** The choice that a target stands for; of a commit that the user named, one that asks for nothing. */
export function createChoice(target: Target, dates: DateSource): RefChoice {
  if (target.kind === 'newest') return chooseNewest(target, target.order === 'committed' ? dates : undefined);
  return chooseFirst(target.requested, target.kind === 'oid' ? [] : target.candidates);
}
