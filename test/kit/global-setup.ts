import { execFileSync } from 'node:child_process';

/** End-to-end tests run the bundle: make it from the source as it is now. */
export default function setup(): void {
  execFileSync(process.execPath, ['scripts/build.js'], { stdio: 'inherit' });
}
