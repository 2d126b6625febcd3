import { monotonic } from './clock.ts';

/** A signal that fires when its parent does, or when time is up. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Time is up no sooner than `ms` from now. Does nothing where there is no limit, or when it has fired. */
  grant(ms: number): void;
  /** Lets go of the parent and the timer; call it when the work is done, or both grow with uptime. */
  dispose(): void;
  /** Ends what is still bound to the signal, and lets go. */
  end(): void;
}

/** Longest delay that setTimeout takes before it wraps round to "at once". */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Like `AbortSignal.any([parent, AbortSignal.timeout(ms)])`, which in Node 20 leaves something behind in a long-lived
 * parent each time.
 * @param ms undefined: no time limit
 */
export function deadline(parent: AbortSignal, ms: number | undefined): Deadline {
  const controller = new AbortController();
  const onParent = (): void => controller.abort(parent.reason);
  let endsAt = monotonic() + (ms ?? 0);
  let timer: NodeJS.Timeout | undefined;
  const startTimer = (): void => {
    clearTimeout(timer);
    const left = endsAt - monotonic();
    timer = setTimeout(left > LONGEST_TIMER_MS ? startTimer : onTimeUp, Math.min(Math.max(0, left), LONGEST_TIMER_MS));
  };
  const onTimeUp = (): void => controller.abort(new DOMException('it took too long', 'TimeoutError'));
  const dispose = (): void => {
    clearTimeout(timer);
    parent.removeEventListener('abort', onParent);
  };
  if (ms !== undefined) startTimer();
  if (parent.aborted) onParent();
  else parent.addEventListener('abort', onParent, { once: true });
  return {
    signal: controller.signal,
    grant: (more) => {
      if (ms === undefined || controller.signal.aborted || monotonic() + more <= endsAt) return;
      endsAt = monotonic() + more;
      startTimer();
    },
    dispose,
    end: () => {
      dispose();
      controller.abort(new DOMException('the work it was for is over', 'AbortError'));
    },
  };
}
