import { perform } from './perform.ts';
import { start } from './start.ts';
import { SYNC } from './sync.ts';

start((argv, env, io) => perform(SYNC, argv, 'git-sync', { env, cwd: process.cwd(), io }));
