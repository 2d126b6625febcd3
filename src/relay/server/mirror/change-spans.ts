import { newSpanId, type Span, traceIdOf } from '../../../platform/trace/span.ts';
import type { RefChange } from '../../protocol/refs.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { NotedPushes } from './noted-pushes.ts';

/** Milliseconds since the epoch. */
export interface ChangeTimes {
  /** The git server was asked where the refs are. */
  readonly asked: number;
  /** It had answered. */
  readonly known: number;
  /** The objects were here. */
  readonly mirrored: number;
}

/** Refs of one change that are traced: a first copy can bring very many. */
const MOST_REFS = 20;

/**
 * How new commits came to the relay: asked for, fetched, passed on. Where a notification said so, from its arrival to
 * the answer that showed the commit.
 */
export function changeSpans(
  repository: RepositoryName,
  changes: readonly RefChange[],
  times: ChangeTimes,
  pushes: Pick<NotedPushes, 'take'>,
): Span[] {
  const commits = new Map(
    changes.flatMap(({ ref, from, to }) =>
      // What is here for the first time is no push.
      from && to && ref !== 'HEAD' ? [[to.peeledOid ?? to.oid, { ref, oid: to.oid }] as const] : [],
    ),
  );
  return [...commits].slice(0, MOST_REFS).flatMap(([oid, { ref, oid: shown }]) => {
    const push = pushes.take(repository, [oid, shown]);
    const from = Math.min(times.asked, push?.arrivedAt ?? times.asked);
    const whole = { traceId: traceIdOf(oid), spanId: newSpanId() };
    const part = (name: string, begin: number, to: number): Span => ({
      ...{ traceId: whole.traceId, spanId: newSpanId(), parentId: whole.spanId, name, from: begin, to, attributes: {} },
    });
    const attributes = {
      'vcs.repository.name': repository,
      'vcs.ref.head.name': ref,
      'vcs.ref.head.revision': oid,
    };
    return [
      { ...whole, name: 'relay', from, to: times.mirrored, attributes },
      ...(push ? [{ ...part('push', push.arrivedAt, times.known), links: push.sender && [push.sender] }] : []),
      part('poll', times.asked, times.known),
      part('fetch', times.known, times.mirrored),
    ];
  });
}
