import { SidecarError } from '../../model/error.ts';
import { type Oid, parseOid } from '../../model/oid.ts';
import { isVisible } from '../../platform/visible-text.ts';

export const ORDERS = ['pause', 'resume', 'promote', 'abort', 'revert', 'pin', 'unpin'] as const;

/** What a person wants of a rollout, with the name of that person and the reason. */
export interface Order {
  readonly order: (typeof ORDERS)[number];
  /** Of `revert` and `pin`; without it the last revision that completed before, or the one that is completed. */
  readonly to: Oid | undefined;
  readonly who: string;
  readonly why: string;
}

const LONGEST_WHO = 200;
const LONGEST_WHY = 500;

function refused(detail: string): SidecarError {
  return new SidecarError('ERR_ROLLOUT_ORDER', { op: 'read the order', detail });
}

function readText(value: unknown, name: string, longest: number): string {
  const text = typeof value === 'string' ? value.trim() : '';
  if (text === '') throw refused(`\`${name}\` is missing; it must be a text`);
  if (text.length > longest) throw refused(`\`${name}\` has more than ${longest} characters`);
  if (!isVisible(text)) throw refused(`\`${name}\` has characters that cannot be shown`);
  return text;
}

/**
 * Reads `{order, to?, who, why}` from the value of a JSON text.
 * @throws SidecarError ERR_ROLLOUT_ORDER, which says what is wrong
 */
export function readOrder(value: unknown): Order {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused('it must be a JSON object');
  const { order, to, who, why, ...others } = value as Record<string, unknown>;
  const known = ORDERS.find((each) => each === order);
  if (!known) throw refused(`\`order\` must be one of ${ORDERS.join(', ')}`);
  if (Object.keys(others).length > 0) throw refused('it has keys other than `order`, `to`, `who` and `why`');
  const takesRevision = known === 'revert' || known === 'pin';
  if (!takesRevision && to !== undefined && to !== null) throw refused(`\`${known}\` takes no \`to\``);
  const oid = typeof to === 'string' ? parseOid(to) : undefined;
  if (to !== undefined && to !== null && !oid) throw refused('`to` must be a full object id');
  return { order: known, to: oid, who: readText(who, 'who', LONGEST_WHO), why: readText(why, 'why', LONGEST_WHY) };
}
