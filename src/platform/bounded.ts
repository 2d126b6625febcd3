/** Why a wait was given up: the reason of its signal, always as an Error. */
export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new DOMException('it was interrupted', 'AbortError');
}

/**
 * Waits for `promise`, but never longer than until `signal` fires: for what takes no signal, or does not always keep to
 * it. What is given up goes on by itself; its result is dropped, and its failure is no unhandled one.
 *
 * @param graceMs from the signal on: time to say by itself what went wrong
 * @throws what `promise` throws, or the signal's reason
 */
export async function bounded<T>(promise: Promise<T>, signal: AbortSignal, graceMs = 0): Promise<T> {
  promise.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    const giveUp = (): void => reject(reasonOf(signal));
    onAbort = () => {
      if (graceMs > 0) timer = setTimeout(giveUp, graceMs);
      else giveUp();
    };
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Waits for `promise`, at most `ms`. @returns false when time was up; a failure of the promise is not looked at */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The items of `source`, with an end that never waits: `return` releases what is behind the items at once, also while
 * the next one has not come. (`return` of a generator waits for its pending `next`, perhaps for ever.)
 */
export function releasable<T>(source: AsyncIterable<T>, release: () => void): AsyncIterableIterator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let isOver = false;
  const items: AsyncIterableIterator<T> = {
    next: async () => {
      if (isOver) return { done: true, value: undefined };
      const item = await iterator.next();
      if (item.done === true) isOver = true;
      return item;
    },
    return: async () => {
      isOver = true;
      release();
      // What is left of it ends by itself, now that nothing more can come.
      iterator.return?.()?.catch(() => undefined);
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => items,
  };
  return items;
}
