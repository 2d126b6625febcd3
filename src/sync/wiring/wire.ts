import { Spare } from '../../checkout/spare.ts';
import { digestSurroundings } from '../../checkout/surroundings.ts';
import { ownPlaces } from '../../config/into.ts';
import type { IntoConfig, SyncConfig } from '../../config/sync-config.ts';
import type { CloneOptions } from '../../fetch/clone.ts';
import { CommitDates } from '../../fetch/commit-dates.ts';
import { CommitFetcher } from '../../fetch/fetch-commit.ts';
import { Layout } from '../../fetch/layout.ts';
import { PackFetch } from '../../fetch/pack-fetch.ts';
import { Repository } from '../../fetch/repository.ts';
import type { IntoDirectory } from '../../into/into-directory.ts';
import type { Hint } from '../../model/hint.ts';
import type { SyncObserver } from '../../model/sync-observer.ts';
import { readBootId } from '../../platform/boot-id.ts';
import { createFlush, type Flush } from '../../platform/flush.ts';
import { HttpClient } from '../../platform/http-client.ts';
import { createChoice } from '../../poll/create-choice.ts';
import type { Reports } from '../../relay/client/reports.ts';
import { CredentialSource } from '../../remote/credential-source.ts';
import type { Ambient } from '../../service/ambient.ts';
import { openKubernetesEvents } from '../../service/open-kubernetes-events.ts';
import { openTracer } from '../../service/open-tracer.ts';
import type { Publisher } from '../../service/publisher.ts';
import { BootReading } from '../boot-reading.ts';
import type { SyncContext } from '../context.ts';
import { tellAll } from '../sync-now.ts';
import { tellKubernetes } from '../tell-kubernetes.ts';
import { withScopedHeaders } from './confinement.ts';
import { createDetails } from './details.ts';
import { openExechookReport } from './exechook-report.ts';
import { createHooks, createPrePublish } from './hooks.ts';
import { withPartFilter } from './part-filter.ts';
import { withRelayAccess, withRelayKey } from './relay-access.ts';
import { wireSource } from './source.ts';
import { openSyncGit } from './sync-git.ts';

/** Counters that stages and hooks tick; the metrics when there are some. */
export interface SyncCounters {
  fetched(): void;
  askpass(success: boolean): void;
  githubToken(success: boolean): void;
  /** An identity or a credential helper was asked. */
  identity(name: string, success: boolean): void;
  hook(name: string, success: boolean): void;
  /** A revision was verified; the code says why it was refused. */
  verified(code: string | undefined): void;
}

export interface WiringOptions
  extends Pick<Ambient, 'clock' | 'leases' | 'log' | 'random' | 'redactor' | 'runner' | 'withoutDefaults'> {
  readonly config: SyncConfig;
  /** Real path of the root. */
  readonly root: string;
  readonly observer: SyncObserver;
  readonly counters: SyncCounters;
  /** A hint came that the ref has moved. */
  readonly wake: (hint: Hint) => void;
  /** Another sync of the group has news: ask the remote anew, now. */
  readonly wakeForGroup: () => void;
  readonly onProgress?: (text: string) => void;
}

/** v3 names the local branch after the one it follows, v4 calls it git-sync (compat.md 2). */
function localRef({ mode, target }: SyncConfig): string {
  if (mode === 'v4' || target.kind === 'oid' || target.kind === 'newest') return 'refs/heads/git-sync';
  return target.candidates.find((name) => name.startsWith('refs/heads/')) ?? 'refs/heads/git-sync';
}

/** v3 with a git program of the user's own: it expects to see the clone that v3 begins with. */
function firstClone({ mode, git, target, depth, remote }: SyncConfig): CloneOptions | undefined {
  if (mode === 'v4' || git === 'git') return undefined;
  const [ref = ''] = target.kind === 'oid' || target.kind === 'newest' ? [] : target.candidates;
  return { branch: /^refs\/(?:heads|tags)\/(.+)$/.exec(ref)?.[1], depth, shownUrl: remote.shownUrl };
}

export interface WiredSync {
  readonly context: SyncContext;
  /** Reports to the relay what `run` is running; undefined without one. */
  readonly reportRun: Publisher['reportRun'];
  /** As {@link Publisher} has it. */
  reported(): Promise<void>;
  /** Ends shared connections and removes what is outside the root. */
  dispose(): Promise<void>;
}

/**
 * What is published is what the relay shows of us, from the first cycle that found it in order. A later commit that
 * changes nothing of our part is as good as published: nobody has to wait for us.
 */
function reportTo(reports: Reports): Partial<SyncObserver> {
  return {
    onCycle: ({ considered }) => {
      if (considered) reports.published(considered);
    },
    onPublish: (revision) => reports.published(revision),
  };
}

async function openInto(
  { config, root, clock, log }: WiringOptions,
  into: IntoConfig,
  flush: Flush | undefined,
): Promise<IntoDirectory> {
  const { moveAside, link, stateDir } = config;
  const places = { ...ownPlaces(config.root, stateDir, link), root };
  return await (await import('./into.ts')).openInto({ into, places, moveAside, flush, clock, log });
}

/** Makes everything that a sync needs, from the configuration; starts nothing. */
export async function wireSync(given: WiringOptions): Promise<WiredSync> {
  const keyed = withRelayKey(withRelayAccess(withScopedHeaders(given.config)), (secret) => given.redactor.add(secret));
  const options = { ...given, ...keyed };
  const { config: asked, root, runner, log, redactor, clock, counters } = options;
  const { git, hermetic, directory, close: closeGit } = await openSyncGit(options);
  const layout = new Layout(root, asked.mode);
  const openedStore = asked.store && (await (await import('./shared-store.ts')).openStore(options));
  const config = openedStore ? asked : withPartFilter(asked);
  const boot = await readBootId();
  const flush = config.durable ? createFlush({ runner, env: config.gitEnvironment }) : undefined;
  const repository = new Repository({
    boot,
    git,
    log,
    clock,
    layout,
    localRef: localRef(config),
    url: config.remote.fetchUrl,
    moveAside: config.moveAside,
    clone: firstClone(config),
    loan: openedStore?.loan,
  });
  const bootReading = new BootReading({ config, git, log, clock, repository });
  const dates = new CommitDates({
    git,
    directory,
    url: () => source.fetchUrl,
    shownUrl: config.remote.shownUrl,
  });
  const choice = createChoice(config.target, dates);
  const { source, reports } = await wireSource({ ...options, git, choice });
  const fetcher = new CommitFetcher({
    git,
    gitDir: layout.gitDir,
    localRef: localRef(config),
    depth: config.depth,
    filter: () => (repository.state.isWhole ? asked.filter : config.filter),
    allTags: config.mode !== 'v4',
    url: () => source.fetchUrl,
    shownUrl: config.remote.shownUrl,
    onFetch: counters.fetched,
    ...(options.onProgress && { onProgress: options.onProgress }),
  });
  const http = new HttpClient(config.environment, options.withoutDefaults);
  const credentials = new CredentialSource({
    config,
    clock,
    random: options.random,
    log,
    http,
    redactor,
    runner,
    helperEnvironment: hermetic.helperEnvironment,
    onAskpass: counters.askpass,
    onGithubToken: counters.githubToken,
    onIdentity: counters.identity,
  });
  const store = openedStore?.join({
    needs: async () => await repository.neededCommits(),
    published: () => repository.state.oid,
    expected: () => source.expected?.(choice),
  });
  const group = config.group && (await (await import('./group.ts')).joinGroup(config.group, options));
  const verification =
    config.verify &&
    (await (
      await import('./verification.ts')
    ).openVerification({
      ...{ config, policy: config.verify, git, clock, log, runner, layout, directory, boot },
      url: () => source.fetchUrl,
      onFetch: counters.fetched,
      onAnswer: counters.verified,
    }));
  const events = await openKubernetesEvents(config, options);
  const tracer = await openTracer(config, options, 'sync', config.relay?.instance);
  const details = createDetails({ config, git, layout, log, repository });
  const context: SyncContext = {
    config,
    clock,
    log,
    git,
    hermetic,
    layout,
    repository,
    bootReading,
    fetcher,
    packFetch: new PackFetch({ git, gitDir: layout.gitDir, localRef: localRef(config) }),
    store,
    spare: new Spare({
      git,
      runner,
      env: hermetic.hookEnvironment(),
      gitDir: layout.gitDir,
      stateDir: layout.stateDir,
    }),
    flush,
    into: config.into && (await openInto(options, config.into, flush)),
    surroundings: await digestSurroundings(config, boot),
    source,
    choice,
    credentials,
    observer: tellAll([
      options.observer,
      reports ? reportTo(reports) : {},
      tellKubernetes(events, config.remote.shownUrl),
    ]),
    tracer,
    hooks: createHooks(
      { ...options, tracer },
      hermetic,
      http,
      details,
      reports && openExechookReport(reports, options),
    ),
    notified: details.notified,
    prePublish: createPrePublish(options, hermetic, details),
    group,
    verification,
  };
  const followed = config.target.requested;
  return {
    context,
    reportRun: reports && ((facts) => reports.run(repository.state.ref ?? followed, facts)),
    reported: async () => await reports?.sent(),
    dispose: async () => {
      bootReading.end();
      source.close();
      credentials.close();
      store?.leave();
      group?.leave();
      reports?.close();
      await Promise.all([tracer?.close(), events?.close()]);
      await closeGit();
    },
  };
}
