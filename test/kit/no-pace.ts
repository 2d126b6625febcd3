import { StartPace } from '../../src/relay/server/git/start-pace.ts';
import { HandClock } from './hand-clock.ts';

/** Everybody is alone. */
export const noPace = (): StartPace => new StartPace({ clock: new HandClock(), isShared: () => false });
