import { appendFileSync } from 'node:fs';

/**
 * Says that something is left out, and why. With REQUIRE_ALL=1 that is a failure. Where NOT_TRIED names a file, each
 * reason is a line of it, so that whoever runs everything can list them at the end.
 */
export function notTried(reason: string): void {
  const { NOT_TRIED, REQUIRE_ALL } = process.env;
  if (REQUIRE_ALL === '1') throw new Error(`with REQUIRE_ALL nothing may be left out: ${reason}`);
  process.stderr.write(`not tried here: ${reason}\n`);
  if (NOT_TRIED) appendFileSync(NOT_TRIED, `${reason.split('\n')[0]}\n`);
}
