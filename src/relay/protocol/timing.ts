/** How often a relay shows its subscribers that it is there, in milliseconds. */
export const BEAT_MS = 15_000;

/** A stream on which nothing came for this long is dead, whatever TCP thinks: two beats and some patience. */
export const SILENCE_MS = 2 * BEAT_MS + 10_000;
