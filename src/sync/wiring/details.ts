import { NotifiedCommits } from '../../fetch/notified-commits.ts';
import { shapingPaths } from '../../fetch/part.ts';
import { nameOfExechook, nameOfWebhook } from '../../notify/consumer-name.ts';
import { DetailsReader } from '../../notify/details-reader.ts';
import type { HookRunnerOptions } from '../../notify/hook-runner.ts';
import type { PublishDetails } from '../../notify/publish-details.ts';
import type { Needs } from '../context.ts';

type Attempt = HookRunnerOptions['attempt'];
type InformedAttempt = (...given: [...Parameters<Attempt>, details: PublishDetails]) => Promise<void>;

/** What hooks learn about a publish beyond its commit. */
export interface HookDetails {
  readonly reader: DetailsReader;
  readonly notified: NotifiedCommits;
  /** Names of the consumers that learn it; undefined: an exechook or webhook as git-sync has it, or none. */
  readonly consumers: { readonly exechook: string | undefined; readonly webhook: string | undefined };
}

export function createDetails({
  config,
  git,
  layout,
  log,
  repository,
}: Needs<'config' | 'git' | 'layout' | 'log' | 'repository'>): HookDetails {
  const { exechook, webhook, remote, path } = config;
  const { gitDir } = layout;
  const paths = path === undefined ? [] : shapingPaths(path);
  const consumers = {
    exechook: exechook?.details ? nameOfExechook(exechook, path) : undefined,
    webhook: webhook?.format === 'cloudevents' ? nameOfWebhook(webhook, path) : undefined,
  };
  const names = Object.values(consumers).filter((name) => name !== undefined);
  return {
    reader: new DetailsReader({ git, gitDir, log, repository: remote.shownUrl, path, paths }),
    notified: new NotifiedCommits({ git, gitDir, log, repository, consumers: names }),
    consumers,
  };
}

/** An attempt that is given what changed since the last one that succeeded, this process or the one before. */
export function withDetails({ reader, notified }: HookDetails, consumer: string, attempt: InformedAttempt): Attempt {
  return async (notification, signal) => {
    const details = await reader.read(notification, notified.of(consumer), signal);
    await attempt(notification, signal, details);
    await notified.note(consumer, notification.oid, signal);
  };
}
