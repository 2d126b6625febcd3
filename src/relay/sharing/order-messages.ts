import { SidecarError } from '../../model/error.ts';
import { isErrorCode } from '../../model/error-codes.ts';
import { parseRepositoryName, type RepositoryName } from '../protocol/repository-name.ts';
import { type Order, readOrder } from '../rollout/orders.ts';
import type { RolloutEntry } from '../server/rollouts/rollout-desk.ts';

/** An order that another relay of the group took, whose client it has let in. */
export interface PassedOrder {
  readonly repository: RepositoryName;
  readonly ref: string;
  readonly order: Order;
}

export function writePassedOrder(passed: PassedOrder): Uint8Array {
  return Buffer.from(JSON.stringify(passed));
}

/** @throws SidecarError ERR_ROLLOUT_ORDER */
export function readPassedOrder(bytes: Uint8Array): PassedOrder {
  const { repository, ref, order } = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
  const name = typeof repository === 'string' ? parseRepositoryName(repository) : undefined;
  if (!name || typeof ref !== 'string')
    throw new SidecarError('ERR_ROLLOUT_ORDER', { op: 'read the order', detail: 'it names no ref' });
  return { repository: name, ref, order: readOrder(order) };
}

export function writeOutcome(outcome: RolloutEntry | SidecarError): Uint8Array {
  const body = outcome instanceof SidecarError ? { code: outcome.code, detail: outcome.detail } : { entry: outcome };
  return Buffer.from(JSON.stringify(body));
}

/** @throws SidecarError the one that the other relay threw */
export function readOutcome(bytes: Uint8Array, { order, repository, ref }: PassedOrder): RolloutEntry {
  const { code, detail, entry } = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
  if (entry !== undefined) return entry as RolloutEntry;
  const known = isErrorCode(code) ? code : 'ERR_ROLLOUT_ORDER';
  throw new SidecarError(known, { op: order.order, target: `${repository}#${ref}`, detail: String(detail) });
}
