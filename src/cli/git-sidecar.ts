import { start } from '../app/start.ts';
import { main } from './main.ts';

start(main);
