import type { EnvironmentVariables } from '../config/settings.ts';
import type { Io } from './outcome.ts';

export async function demoCommand(_env: EnvironmentVariables, io: Io): Promise<number> {
  io.stdout('demo\n');
  return 0;
}
