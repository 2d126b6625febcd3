import { start } from '../app/start.ts';
import { syncCommand } from './sync.ts';

start((argv, env, io) => syncCommand(argv, env, 'git-sync', io));
