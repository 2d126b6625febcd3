/** Asks git whether every object that is needed is there and readable (git-fsck). */
export const FSCK: readonly string[] = ['fsck', '--connectivity-only', '--no-dangling', '--no-progress'];

/**
 * The statuses with which git-fsck reports damage: a sum of 1, 2, 4, 8, 16 and 32 for its kinds, and 128 where a part of
 * the repository cannot be read at all.
 */
export const FSCK_DAMAGE: readonly number[] = [...Array.from({ length: 63 }, (_, index) => index + 1), 128];
