/** A signal that fires when its parent does, or when time is up. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Lets go of the parent and the timer; call it when the work is done, or both grow with uptime. */
  dispose(): void;
}

/**
 * Like `AbortSignal.any([parent, AbortSignal.timeout(ms)])`, which in Node 20 leaves something behind in a long-lived
 * parent each time.
 * @param ms undefined: no time limit
 */
export function deadline(parent: AbortSignal, ms: number | undefined): Deadline {
  const controller = new AbortController();
  const onParent = (): void => controller.abort(parent.reason);
  const timer =
    ms === undefined
      ? undefined
      : setTimeout(() => controller.abort(new DOMException('it took too long', 'TimeoutError')), ms);
  if (parent.aborted) onParent();
  else parent.addEventListener('abort', onParent, { once: true });
  return {
    signal: controller.signal,
    dispose: () => {
      clearTimeout(timer);
      parent.removeEventListener('abort', onParent);
    },
  };
}
