import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects garbage; of type `minor` only what was made lately, which takes about a millisecond. */
type Collect = (options: { readonly type: 'minor' }) => void;

/** Bytes that may pass between two collections. */
const BETWEEN = 2 ** 20;

let collect: Collect | undefined;

/** V8 gives the function to a context that is made while the flag is on. */
function findCollect(): Collect {
  setFlagsFromString('--expose-gc');
  const found = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return found;
}

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
    collect ??= findCollect();
    collect({ type: 'minor' });
  }
}
