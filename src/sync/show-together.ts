import { SidecarError } from '../model/error.ts';
import { type LinkState, removeLinkAt, switchLink } from '../publish/link.ts';
import type { Needs } from './context.ts';
import type { CycleScope } from './cycle.ts';

export interface Showing {
  /** What is shown now. */
  readonly link: LinkState;
  /** What is to be shown. */
  readonly directory: string;
  readonly show: () => Promise<void>;
}

/**
 * Shows a new revision, in the same moment as the other syncs of the group where there is one.
 * @returns false when another sync has newer news, so that this one has to ask first
 * @throws SidecarError ERR_PUBLISH_GROUP when others are not ready in time; what showing throws
 */
export async function showTogether(
  { config, flush, group, repository }: Needs<'config' | 'flush' | 'group' | 'repository'>,
  { link, directory, show }: Showing,
  { signal, startedAt }: CycleScope,
): Promise<boolean> {
  if (!group) {
    await show();
    return true;
  }
  const { root, link: path } = config;
  const from = link.kind === 'link' ? link.target : undefined;
  const hide = async (): Promise<void> => {
    if (from === undefined) await removeLinkAt(root, path);
    else await switchLink(root, path, from);
  };
  const boot = flush ? undefined : repository.boot;
  const flip = { unit: config.group?.unit ?? '', link: path, from, target: directory, boot };
  try {
    return (await group.publish({ askedAt: startedAt, flip, show, hide }, signal)) === 'published';
  } catch (error) {
    if (!signal.aborted) throw error;
    const unit = config.group?.unit;
    const names = group
      .missing()
      .filter((name) => name !== unit)
      .join(', ');
    const detail = names === '' ? 'it did not end in time' : `it waits for ${names}`;
    throw new SidecarError('ERR_PUBLISH_GROUP', {
      op: 'publish together with',
      target: config.group?.name ?? '',
      detail,
      cause: error,
      isLate: true,
    });
  }
}

/** Shows what a killed process was about to show together with others, as long as nothing else was shown since. */
export async function finishShowing(
  context: Needs<'config' | 'group' | 'layout' | 'log' | 'repository' | 'verification'>,
  link: LinkState,
): Promise<void> {
  const { config, group, layout, log, repository, verification } = context;
  // The keys may have changed since: the first cycle verifies it anew.
  if (verification) return;
  const flip = await group?.begun();
  const shown = link.kind === 'link' ? link.target : undefined;
  if (!flip || flip.link !== config.link || link.kind === 'occupied' || shown !== flip.from) return;
  if (!layout.placeOf(flip.target)) return;
  // After a power cut the tree may be torn, and what is shown is whole.
  if (flip.boot !== undefined && flip.boot !== repository.boot) return;
  await switchLink(config.root, config.link, flip.target);
  log.info(0, 'published what the last process had begun to publish with its group', {
    link: config.link,
    path: flip.target,
  });
}
