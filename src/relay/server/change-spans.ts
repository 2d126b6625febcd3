import { newSpanId, type Span, traceIdOf } from '../../platform/trace/span.ts';
import type { RefChange } from '../protocol/refs.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';

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

/** How new commits came to the relay: asked for, fetched, passed on. */
export function changeSpans(repository: RepositoryName, changes: readonly RefChange[], times: ChangeTimes): Span[] {
  const commits = new Map(
    changes.flatMap(({ ref, from, to }) =>
      // What is here for the first time is no push.
      from && to && ref !== 'HEAD' ? [[to.peeledOid ?? to.oid, ref] as const] : [],
    ),
  );
  return [...commits].slice(0, MOST_REFS).flatMap(([oid, ref]) => {
    const whole = { traceId: traceIdOf(oid), spanId: newSpanId() };
    const part = (name: string, from: number, to: number): Span => ({
      ...{ traceId: whole.traceId, spanId: newSpanId(), parentId: whole.spanId, name, from, to, attributes: {} },
    });
    const attributes = {
      'vcs.repository.name': repository,
      'vcs.ref.head.name': ref,
      'vcs.ref.head.revision': oid,
    };
    return [
      { ...whole, name: 'relay', from: times.asked, to: times.mirrored, attributes },
      part('poll', times.asked, times.known),
      part('fetch', times.known, times.mirrored),
    ];
  });
}
