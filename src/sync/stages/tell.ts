import { touchFile } from '../../notify/files.ts';
import type { Stage } from '../cycle.ts';

/**
 * Tells those who want to know. v4: after a publish, and once after a start even if nothing changed;
 * v3: after a publish only (compat.md 4).
 */
export const tell: Stage = {
  name: 'tell',
  always: true,
  run: async (context, cycle) => {
    const { config, clock, hooks } = context;
    const worktree = cycle.candidate ?? cycle.live;
    const due = cycle.updated || (cycle.first && config.mode === 'v4');
    if (!due || !cycle.wanted || !worktree) return 'next';
    if (config.touchFile !== undefined) await touchFile(config.touchFile, clock.now());
    if (config.oneTime) return 'next';
    for (const hook of hooks) hook.notify({ oid: cycle.wanted.oid, worktree: worktree.path });
    return 'next';
  },
};
