import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SyncConfig } from '../config/sync-config.ts';
import { CommitFetcher } from '../fetch/fetch-commit.ts';
import { Layout } from '../fetch/layout.ts';
import { Repository } from '../fetch/repository.ts';
import { createGit, type Git } from '../git/git.ts';
import { createHermeticGit, type HermeticGit } from '../git/hermetic.ts';
import type { SyncObserver } from '../model/sync-observer.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { openPrivateDirectory } from '../platform/private-directory.ts';
import type { ProcessRunner } from '../platform/process.ts';
import type { Redactor } from '../platform/redact.ts';
import { Poller } from '../poll/poller.ts';
import { CredentialSource } from '../remote/credential-source.ts';
import type { SyncContext } from '../sync/context.ts';
import { createNativePoll, userGitConfig } from './native-poll.ts';
import { VERSION } from './version.ts';
import { createHooks, createPrePublish } from './wire-hooks.ts';

/** Counters that stages and hooks tick; the metrics when there are some. */
export interface SyncCounters {
  fetched(): void;
  askpass(success: boolean): void;
  githubToken(success: boolean): void;
  hook(name: string, success: boolean): void;
}

export interface WiringOptions {
  readonly config: SyncConfig;
  /** Real path of the root. */
  readonly root: string;
  readonly runner: ProcessRunner;
  readonly log: Logger;
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly observer: SyncObserver;
  readonly counters: SyncCounters;
  readonly onProgress?: (text: string) => void;
}

/** sockaddr_un holds 108 bytes; ssh appends a hash of 40 and, while binding, a dot and 16 more. */
const LONGEST_SOCKET_DIRECTORY = 108 - 1 - 40 - 18;

function controlDirectory(config: SyncConfig, directory: string): string | undefined {
  const shares = config.remote.transport === 'ssh' && !config.oneTime && directory.length <= LONGEST_SOCKET_DIRECTORY;
  return shares ? directory : undefined;
}

async function createHermetic({ config, root }: WiringOptions): Promise<{ hermetic: HermeticGit; directory: string }> {
  const directory = await openPrivateDirectory(`${root}\n${config.link}`, join(root, '.git-sidecar'));
  const hermetic = await createHermeticGit({
    directory,
    root,
    inherited: config.environment,
    overrides: config.gitConfig,
    additions: config.gitConfigAdd,
    includedConfig: await userGitConfig(config),
    cookieFile: config.cookieFile,
    lfs: config.lfs,
    ssh: {
      ...config.ssh,
      verbosity: config.verbosity,
      controlDirectory: controlDirectory(config, directory),
      persistSeconds: Math.round(Math.min(600, Math.max(30, (config.periodMs / 1000) * 3))),
    },
  });
  return { hermetic, directory };
}

/** v3 names the local branch after the one it follows, v4 calls it git-sync (compat.md 2). */
function localRef({ mode, target }: SyncConfig): string {
  if (mode === 'v4' || target.kind === 'oid') return 'refs/heads/git-sync';
  return target.candidates.find((name) => name.startsWith('refs/heads/')) ?? 'refs/heads/git-sync';
}

export interface WiredSync {
  readonly context: SyncContext;
  /** Ends shared connections and removes what is outside the root. */
  dispose(): Promise<void>;
}

/** Ends ssh connections that git's ssh left open for the next poll. */
async function closeSharedConnections(directory: string, runner: ProcessRunner, env: HermeticGit): Promise<void> {
  const sockets = (await readdir(directory).catch(() => [] as string[])).filter((name) => /^[0-9a-f]{40}$/.test(name));
  for (const name of sockets) {
    const args = ['-o', `ControlPath=${join(directory, name)}`, '-O', 'exit', 'shared-connection'];
    await runner.run({ file: 'ssh', args, env: env.environment(), timeoutMs: 500 }).catch(() => undefined);
  }
}

/** Makes everything that a sync needs, from the configuration; starts nothing. */
export async function wireSync(options: WiringOptions): Promise<WiredSync> {
  const { config, root, runner, log, redactor, clock, observer, counters } = options;
  const { hermetic, directory } = await createHermetic(options);
  const git: Git = createGit({ program: config.git, runner, log, environment: hermetic.environment, cwd: root });
  const layout = new Layout(root, config.mode);
  const repository = new Repository({
    git,
    log,
    clock,
    layout,
    localRef: localRef(config),
    url: config.remote.fetchUrl,
    moveAside: config.moveAside,
  });
  const fetcher = new CommitFetcher({
    git,
    gitDir: layout.gitDir,
    localRef: localRef(config),
    depth: config.depth,
    filter: config.filter,
    allTags: config.mode !== 'v4',
    shownUrl: config.remote.shownUrl,
    onFetch: counters.fetched,
    ...(options.onProgress && { onProgress: options.onProgress }),
  });
  const poller = new Poller({
    remote: config.remote,
    git,
    log,
    ...(await createNativePoll(config, git, `git-sidecar/${VERSION}`, clock.now)),
  });
  const credentials = new CredentialSource({
    config,
    clock,
    redactor,
    onAskpass: counters.askpass,
    onGithubToken: counters.githubToken,
  });
  const context: SyncContext = {
    config,
    clock,
    log,
    git,
    hermetic,
    layout,
    repository,
    fetcher,
    poller,
    credentials,
    observer,
    hooks: createHooks(options, hermetic),
    prePublish: createPrePublish(options, hermetic),
  };
  return {
    context,
    dispose: async () => {
      poller.close();
      if (config.remote.transport === 'ssh') await closeSharedConnections(directory, runner, hermetic);
      await hermetic.dispose();
    },
  };
}
