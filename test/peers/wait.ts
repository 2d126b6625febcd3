import { setTimeout as delay } from 'node:timers/promises';

/** Resolves with the first truthy value of `probe`; fails with `what` after `timeoutMs`. */
export async function until<T>(
  what: string | (() => string),
  probe: () => T | Promise<T>,
  timeoutMs = 20_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value) return value as NonNullable<T>;
    if (Date.now() > deadline) throw new Error(`timed out waiting until ${typeof what === 'string' ? what : what()}`);
    await delay(15);
  }
}

export { delay };
