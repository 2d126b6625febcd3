import type { Worktree } from '../checkout/worktree.ts';
import { SidecarError } from '../model/error.ts';
import type { Needs } from './context.ts';
import type { CycleScope } from './cycle.ts';
import type { Found } from './findings.ts';

/**
 * Nothing is to be published, and what is published is still being read.
 * @throws SidecarError ERR_SYNC_TIMEOUT with `--one-time`: there is no later cycle
 */
export function waitForReading(
  { config, group }: Needs<'config' | 'group'>,
  { oid, path }: Worktree,
  { startedAt }: Pick<CycleScope, 'startedAt'>,
): Found<'isUnread'> {
  if (config.oneTime)
    throw new SidecarError('ERR_SYNC_TIMEOUT', {
      op: 'read what is published at',
      target: path,
      detail: `the machine was started again since ${oid} was published, and its files could not be read in time`,
      hint: 'Raise `--sync-timeout`: a power cut can leave empty files, so all of them are read once.',
      isLate: true,
    });
  group?.hasNoNews(startedAt);
  return { isUnread: true };
}
