/** How much is measured: in full for the page, or as little as shows that the section works (`--smoke`). */
export interface Extent<T> {
  readonly full: T;
  readonly smoke: T;
}

const isSmoke = process.argv.includes('--smoke');

/** A number of the bench. @param variable of the environment that sets another one */
export function size(variable: string, extent: Extent<number>): number {
  return Number(process.env[variable] ?? (isSmoke ? extent.smoke : extent.full));
}

/** Several numbers, which the variable separates by commas. */
export function sizes(variable: string, extent: Extent<readonly number[]>): readonly number[] {
  const given = process.env[variable];
  if (given !== undefined) return given.split(',').map(Number);
  return isSmoke ? extent.smoke : extent.full;
}
