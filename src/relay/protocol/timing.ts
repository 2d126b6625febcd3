/** How often a relay shows its subscribers that it is there, in milliseconds. */
export const BEAT_MS = 15_000;

/** A stream on which nothing came for two beats is dead, whatever TCP thinks; a busy relay may be this much late. */
export const SILENCE_MS = 2 * BEAT_MS + 3000;
