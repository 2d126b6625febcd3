import { setFlagsFromString } from 'node:v8';

/** An option of V8 with what it has at the start of a process, and with what a process that rests most of the time wants. */
interface Option {
  readonly asItIs: string;
  readonly modest: string;
}

/** The space for what is short-lived doubles when much of it survives, up to 16 MB. */
const YOUNG_SPACE: Option = { asItIs: '--semi-space-growth-factor=2', modest: '--semi-space-growth-factor=1' };

/**
 * How much a function has to run before it is compiled a second time, with all that V8 knows of it. That costs
 * processor time and memory, and pays back only where the function runs on. V8 tells an option that it does not know on
 * the error output, so each version is asked for its own only.
 * @param version of V8, such as `11.3.244.8-node.38` (`node --v8-options` lists what it has)
 */
export function optimizing(version: string): readonly Option[] {
  const major = Number.parseInt(version, 10);
  if (major === 11) return [{ asItIs: '--interrupt-budget=67584', modest: '--interrupt-budget=300000' }];
  if (!(major >= 12 && major <= 14)) return [];
  const option = '--invocation-count-for-turbofan';
  return [{ asItIs: `${option}=3000`, modest: `${option}=13500` }];
}

const OPTIONS: readonly Option[] = [YOUNG_SPACE, ...optimizing(process.versions.v8)];

/**
 * From now on V8 takes less memory and compiles less. Node has options for that on its command line, with which it takes
 * three times as long to load its own modules: what V8 prepared for them, and for our bundle, holds for the options that
 * it was prepared with.
 */
export function keepEngineModest(): void {
  for (const { modest } of OPTIONS) setFlagsFromString(modest);
}

/** The options of V8 are those that it started with. */
export function letEngineGrow(): void {
  for (const { asItIs } of OPTIONS) setFlagsFromString(asItIs);
}
