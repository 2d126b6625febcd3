import type { Steps } from '../../src/platform/in-turns.ts';

/** Does work that can be interrupted without a stop. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}
