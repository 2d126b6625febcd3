import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** With `minor` only what was made lately, which takes about a millisecond; without, all: about ten. */
type Collect = (options?: { readonly type: 'minor' }) => void;

let found: Collect | undefined;

/** V8 gives the function to a context that is made while the flag is on. */
function findCollect(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return collect;
}

/** Frees what was made lately and is no longer used. */
export function collectLately(): void {
  found ??= findCollect();
  found({ type: 'minor' });
}

/** Frees all that is no longer used, and gives the memory back to the system. */
export function collectAll(): void {
  found ??= findCollect();
  found();
}
