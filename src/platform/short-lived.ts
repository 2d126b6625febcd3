import { collectLately } from './collect-garbage.ts';

/** Bytes that may pass between two collections. */
const BETWEEN = 2 ** 20;

/**
 * The same bytes, with less memory. V8 collects when much JavaScript was made or when buffers have grown by 64 MB, so a
 * stream of 64 kB buffers leaves tens of megabytes of unused memory, which a small container does not have.
 */
export async function* withoutRests(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let passed = 0;
  for await (const chunk of source) {
    yield chunk;
    passed += chunk.length;
    if (passed < BETWEEN) continue;
    passed = 0;
    collectLately();
  }
}
