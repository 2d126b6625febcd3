import { messageOf } from '../model/error.ts';
import { endPredecessors } from '../platform/orphans.ts';
import { readLink, removeTemporaryLinks } from '../publish/link.ts';
import type { Needs } from './context.ts';
import { finishShowing } from './show-together.ts';

type OpenContext = Needs<'config' | 'group' | 'into' | 'layout' | 'log' | 'notified' | 'repository' | 'verification'>;

/**
 * Before the first cycle: ends what a killed predecessor left running, removes what it left half done, and after an
 * unclean end has git check the repository once.
 */
export async function openRepository(context: OpenContext, signal: AbortSignal): Promise<void> {
  const { repository, config, into, layout, log, notified } = context;
  if (await repository.wasInterrupted()) await endPredecessors(layout.root, log);
  await removeTemporaryLinks(config.root, config.link).catch((error: unknown) =>
    log.warn(`temporary links of a killed predecessor could not be removed: ${messageOf(error)}`),
  );
  await finishShowing(context, await readLink(config.link)).catch((error: unknown) =>
    log.warn(`what the last process had begun to publish could not be published: ${messageOf(error)}`),
  );
  await into
    ?.recover({ signal, onProgress: () => undefined })
    .catch((error: unknown) => log.error(error, `an update that was interrupted waits: ${messageOf(error)}`));
  await repository.open(signal);
  if (!repository.exists) {
    repository.prepare(signal);
    return;
  }
  const unclean = await repository.markRunning();
  if (unclean && !(await repository.isSound(signal)))
    await repository.discard('the last process was killed and git finds damage');
  else await notified.forgetOthers(signal);
}

/** {@link openRepository}, again and again until it has succeeded once; from then on looks after the shared store only. */
export function opener(context: OpenContext): (signal: AbortSignal) => Promise<void> {
  let isOpen = false;
  return async (signal) => {
    if (!isOpen) await openRepository(context, signal);
    isOpen = true;
    await context.repository.checkLoan();
  };
}

/** Notes that the repository was left in order. */
export async function closeRepository({ repository }: Needs<'repository'>): Promise<void> {
  if (repository.exists) await repository.markStopped();
}
