import { start } from '../app/start.ts';
import { perform } from './perform.ts';
import { SYNC } from './sync.ts';

start((argv, env, io) => perform(SYNC, argv, 'git-sync', { env, cwd: process.cwd(), io }));
