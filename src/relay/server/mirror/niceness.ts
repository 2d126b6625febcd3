/**
 * How far git processes of a mirror stand back, see `CommandSpec`. Everything that clients wait for comes before the
 * first copy of a repository, which may take hours, and before work that nobody waits for.
 */
export const NICENESS = { update: 1, copy: 10, tidy: 15 };
