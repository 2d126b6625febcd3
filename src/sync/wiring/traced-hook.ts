import { messageOf } from '../../model/error.ts';
import type { Notification } from '../../notify/notification.ts';
import type { Clock } from '../../platform/clock.ts';
import { newSpanId } from '../../platform/trace/span.ts';
import type { Tracer } from '../../platform/trace/tracer.ts';

type Attempt = (notification: Notification, signal: AbortSignal) => Promise<void>;

/** Each attempt of a hook is a span, and what the hook starts can be a part of it. */
export function tracedHook(tracer: Tracer | undefined, clock: Clock, name: string, attempt: Attempt): Attempt {
  if (!tracer) return attempt;
  return async (notification, signal) => {
    const { trace: parent } = notification;
    if (!parent) return await attempt(notification, signal);
    const trace = { traceId: parent.traceId, spanId: newSpanId() };
    const from = clock.now();
    const end = (error?: unknown): void =>
      tracer.record([
        {
          ...trace,
          ...{ parentId: parent.spanId, name, from, to: clock.now() },
          attributes: { 'vcs.ref.head.revision': notification.oid },
          ...(error !== undefined && { error: messageOf(error) }),
        },
      ]);
    try {
      await attempt({ ...notification, trace }, signal);
    } catch (error) {
      end(error);
      throw error;
    }
    end();
  };
}
