import { messageOf } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import { newSpanId, newTraceId, type Span, type TraceContext, traceIdOf } from '../platform/trace/span.ts';
import type { Tracer } from '../platform/trace/tracer.ts';
import type { Cycle, Found, Perhaps } from './findings.ts';

/** A stage that took less is not shown. */
const LEAST_MS = 1;

interface CycleTraceOptions {
  readonly tracer: Tracer;
  readonly clock: Clock;
  /** As it may be shown. */
  readonly repo: string;
}

/** The spans of one cycle: one for all of it, and one for each of its stages. A cycle without news leaves none. */
export class CycleTrace {
  readonly #options: CycleTraceOptions;
  readonly #spanId = newSpanId();
  readonly #firstTrace = newTraceId();
  readonly #startedAt: number;
  /** Between the clock that is monotonic and the time of day. */
  readonly #offset: number;
  readonly #stages: { readonly name: string; readonly from: number }[] = [];

  constructor(options: CycleTraceOptions) {
    const { clock } = options;
    this.#options = options;
    this.#offset = clock.now() - clock.monotonic();
    this.#startedAt = this.#now;
  }

  get #now(): number {
    return this.#options.clock.monotonic() + this.#offset;
  }

  onStage(name: string): void {
    this.#stages.push({ name, from: this.#now });
  }

  /** What a hook continues. The first publish of a new place is no part of a push's way: it has a trace of its own. */
  contextOf({ wanted, link }: Found<'wanted'> & Perhaps<'link'>): TraceContext {
    const traceId = link?.kind === 'link' ? traceIdOf(wanted.oid) : this.#firstTrace;
    return { traceId, spanId: this.#spanId };
  }

  /** @param error why the cycle failed */
  end(found: Cycle, error?: unknown): void {
    const { wanted, updated, settled } = found;
    const hasNews = updated === true || (error !== undefined && settled !== true);
    if (!wanted || !hasNews) return;
    const { tracer, repo } = this.#options;
    const context = this.contextOf({ ...found, wanted });
    const to = this.#now;
    const last = this.#stages.length - 1;
    const stages: Span[] = this.#stages.map(({ name, from }, index) => ({
      ...{ traceId: context.traceId, spanId: newSpanId(), parentId: context.spanId },
      ...{ name, from, to: this.#stages[index + 1]?.from ?? to, attributes: {} },
      ...(index === last && error !== undefined && { error: messageOf(error) }),
    }));
    const whole: Span = {
      ...context,
      ...{ name: 'sync', from: this.#startedAt, to },
      attributes: {
        'vcs.repository.url.full': repo,
        'vcs.ref.head.name': wanted.ref,
        'vcs.ref.head.revision': wanted.oid,
        'git_sidecar.updated': updated === true,
      },
      ...(error !== undefined && { error: messageOf(error) }),
    };
    tracer.record([whole, ...stages.filter((stage) => stage.to - stage.from >= LEAST_MS || stage.error !== undefined)]);
  }
}
