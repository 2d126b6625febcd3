import { setFlagsFromString } from 'node:v8';

/** As V8 has it: the space for what is short-lived doubles when much of it survives, up to 16 MB. */
const [AS_IT_IS, DOUBLING] = ['--semi-space-growth-factor=1', '--semi-space-growth-factor=2'];

/**
 * From now on V8's space for what is short-lived stays as large as it is, 1 MB at the start of a process. Node has an
 * option for that, with which it takes three times as long to load its own modules: what V8 prepared for them, and for
 * our bundle, holds for the options that it was prepared with.
 */
export function keepYoungSpaceSmall(): void {
  setFlagsFromString(AS_IT_IS);
}

/** The options of V8 are those that it started with. */
export function letYoungSpaceGrow(): void {
  setFlagsFromString(DOUBLING);
}
