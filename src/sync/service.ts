import type { SyncConfig } from '../config/sync-config.ts';
import { Layout, oidOfWorktreeName } from '../fetch/layout.ts';
import { SidecarError } from '../model/error.ts';
import type { Revision } from '../model/revision.ts';
import { type Verdict, YES } from '../model/verdict.ts';
import { bounded, settledWithin } from '../platform/bounded.ts';
import { NO_ROUTES, RouteTable } from '../platform/http-route.ts';
import type { LogFields } from '../platform/log.ts';
import { OutputLines } from '../platform/output-lines.ts';
import { prepareRoot } from '../platform/root.ts';
import type { Watchdog } from '../platform/watchdog.ts';
import { readLink } from '../publish/link.ts';
import type { InboundOptions } from '../serve/inbound/routes.ts';
import { rootRoute } from '../serve/routes.ts';
import type { Ambient } from '../service/ambient.ts';
import type { Publisher } from '../service/publisher.ts';
import type { Service, ServiceEnd, StopOrder } from '../service/service.ts';
import type { Refused } from '../verify/verification.ts';
import { createWatchdog } from './create-watchdog.ts';
import type { Cycle } from './cycle.ts';
import { type LoopEnd, SyncLoop } from './loop.ts';
import { notificationOf } from './notification-of.ts';
import { createObservability, type Observability, showSync } from './observability.ts';
import { closeRepository, opener } from './open.ts';
import { preflight } from './preflight.ts';
import { requireNoState } from './require-no-state.ts';
import { createStages } from './stages.ts';
import { type WakeableSync, wireWakeableSync } from './wakeable-sync.ts';

export interface SyncServiceOptions {
  readonly config: SyncConfig;
  readonly ambient: Ambient;
  /** Logs that it starts, with these facts. */
  readonly announce: (facts: LogFields) => void;
  /** Called after each successful cycle; clears the error file. */
  readonly onSuccess: () => Promise<void>;
  readonly role: SyncRole;
}

/**
 * What a sync is to its process. `alone`: the process is there for it, and ends when it is stuck. `attached`: it
 * belongs to a run, which decides what ready means. `unit`: one of several.
 */
export type SyncRole = 'alone' | 'attached' | 'unit';

/** From the order to stop on, how long work may take to end, and then what is done last: shorter than 2 s together. */
const STOP_MS = 1400;
const LAST_MS = 400;
/** When no other part waits for the end, it may take this many times as long. */
const PATIENT = 10;

const [OK, FAILURE] = [0, 1];

/** Shows git's own progress on a terminal: `--one-time` on a large repository would otherwise look stuck. */
function progressFor(config: SyncConfig, { terminal, redactor }: Ambient): ((text: string) => void) | undefined {
  if (!config.oneTime || !terminal.isInteractive || config.logFormat === 'json') return undefined;
  const lines = new OutputLines(redactor, terminal.write);
  return (text) => lines.take(text);
}

/** The commit that an earlier process published; undefined where the link shows none. */
async function publishedCommit({ link, mode }: SyncConfig, root: string): Promise<string | undefined> {
  const state = await readLink(link).catch(() => undefined);
  if (state?.kind !== 'link') return undefined;
  return new Layout(root, mode).placeOf(state.target)?.oid ?? oidOfWorktreeName(state.target);
}

/** The results of the last cycles, and who is notified of them. */
interface Seen {
  readonly listeners: Set<() => void>;
  published: Revision | undefined;
  considered: Revision | undefined;
  error: string | undefined;
}

function showRefused(refused: Refused | undefined): unknown {
  if (!refused) return null;
  const { error, revision } = refused;
  return { ...revision, code: error.code, reason: error.message };
}

/** A directory that follows a ref, as a service of a process. */
export class SyncService implements Service, Publisher {
  readonly routes: RouteTable;
  readonly #options: SyncServiceOptions;
  readonly #sync: WakeableSync;
  readonly #observability: Observability;
  readonly #watchdog: Watchdog;
  readonly #open: (signal: AbortSignal) => Promise<void>;
  readonly #stuck = new AbortController();
  readonly #stopping = new AbortController();
  readonly #seen: Seen;
  #working: Promise<unknown> = Promise.resolve();

  private constructor(options: SyncServiceOptions, sync: WakeableSync, observability: Observability, seen: Seen) {
    const { clock, log } = options.ambient;
    const { health } = observability;
    const { config, role } = options;
    this.routes = role === 'alone' ? new RouteTable([rootRoute(health, config.mode === 'v3.1')]) : NO_ROUTES;
    this.#options = options;
    this.#sync = sync;
    this.#observability = observability;
    this.#seen = seen;
    const onStuck = (): void => this.#stuck.abort();
    this.#watchdog = createWatchdog({ clock, log, health, onStuck });
    this.#open = opener(sync.context);
  }

  /** @throws SidecarError where the root, git or the configuration cannot be used */
  static async open(options: SyncServiceOptions): Promise<SyncService> {
    const { config, ambient, announce, role } = options;
    await preflight(config, ambient.log);
    const isApart = config.stateDir !== config.root;
    const root = await prepareRoot(config.stateDir, undefined, isApart ? '--state-dir' : '--root');
    if (isApart) await requireNoState(await prepareRoot(config.root), config.stateDir);
    const facts = {
      compat: config.mode,
      repo: config.remote.shownUrl,
      ref: config.target.requested,
      ...(config.stateDir === config.root ? { root } : { root: config.root, state_dir: root }),
      link: config.link,
      ...(config.into && { into: config.into.directory }),
      published: (await publishedCommit(config, root)) ?? 'nothing',
      period_ms: config.periodMs,
    };
    if (role !== 'attached') announce(facts);
    const observability = createObservability(config, ambient);
    const onProgress = progressFor(config, ambient);
    const seen: Seen = { listeners: new Set(), published: undefined, considered: undefined, error: undefined };
    const sync = await wireWakeableSync({
      ...ambient,
      config,
      root,
      observability,
      observer: {
        onCycle: ({ revision, considered, error }) => {
          seen.error = error && `${error.code}: ${error.detail}`;
          if (revision) seen.published = revision;
          if (considered) seen.considered = considered;
        },
        onPublish: (revision) => {
          seen.published = revision;
          for (const listener of seen.listeners) listener();
        },
      },
      ...(onProgress && { onProgress }),
    });
    return new SyncService(options, sync, observability, seen);
  }

  get inbound(): InboundOptions {
    return this.#sync.inbound;
  }

  get pending(): readonly string[] {
    return this.#watchdog.pending;
  }

  get publisher(): Publisher {
    return this;
  }

  onPublish(listener: () => void): () => void {
    this.#seen.listeners.add(listener);
    return () => void this.#seen.listeners.delete(listener);
  }

  get hasRelay(): boolean {
    return this.reportRun !== undefined;
  }

  async reported(): Promise<void> {
    await this.#sync.reported();
  }

  get reportRun(): Publisher['reportRun'] {
    return this.#sync.reportRun;
  }

  /** What a run runs is there already: its sync has a say in it only when it is too old. */
  readiness(): Verdict {
    const { health } = this.#observability;
    const verdict = this.#options.role === 'attached' && !health.isInitialized ? YES : health.readiness();
    const { bootReading, verification } = this.#sync.context;
    const notes: string[] = [];
    if (!verdict.ok && bootReading.isUnderWay)
      notes.push('the machine was started again, and the published files are still being read');
    if (verification?.refused) {
      const { error, revision } = verification.refused;
      notes.push(`refused ${revision.ref} at ${revision.oid}: ${error.code}`);
    }
    return { ok: verdict.ok, text: [verdict.text, ...notes].join('; ') };
  }

  liveness(): Verdict {
    return this.#observability.health.liveness();
  }

  status(): unknown {
    const { config } = this.#options;
    const { published, considered, error } = this.#seen;
    const { into, verification } = this.#sync.context;
    return {
      repo: config.remote.shownUrl,
      ref: config.target.requested,
      link: config.link,
      ...(config.path !== undefined && { path: config.path, considered: considered ?? null }),
      ...(into && { into: { directory: into.directory, oid: into.oid ?? null } }),
      ...(config.group && { group: { name: config.group.name, waitsFor: this.#sync.context.group?.missing() ?? [] } }),
      ...(verification && { refused: showRefused(verification.refused) }),
      published: published ?? null,
      error: error ?? null,
    };
  }

  showMetrics(): void {
    const { metrics } = this.#options.ambient;
    if (metrics) showSync(metrics, this.#sync.context);
  }

  wake(): void {
    this.#sync.wake('signal', {});
  }

  async run(signal: AbortSignal): Promise<ServiceEnd> {
    const isAlone = this.#options.role === 'alone';
    const ends = AbortSignal.any([signal, this.#stopping.signal, ...(isAlone ? [this.#stuck.signal] : [])]);
    const working = this.#work(ends);
    this.#working = working;
    // What is under way is ended from here too, and not waited for without a limit.
    return await bounded(working, ends).catch((error: unknown) => ({
      status: FAILURE,
      ...(!ends.aborted && { error }),
    }));
  }

  async #work(signal: AbortSignal): Promise<ServiceEnd> {
    const { ambient, onSuccess } = this.#options;
    const { context, wakeUps } = this.#sync;
    const { random } = ambient;
    const [watchdog, open, stages] = [this.#watchdog, this.#open, createStages()];
    const loop = new SyncLoop({ context, wakeUps, watchdog, open, stages, random, signal, onSuccess });
    return await this.#finish(await loop.run());
  }

  /** What is left to do when the loop has ended without being stopped. */
  async #finish(end: LoopEnd): Promise<ServiceEnd> {
    if (end.kind === 'one-time') return { status: (await this.#tellHooksOnce(end.cycle)) ? OK : FAILURE };
    if (end.kind === 'stopped' || end.error.class === 'stop') return { status: FAILURE };
    // git-sync's error file holds the cause, and so does ours: this line is the last one that is written there.
    const detail = `too many failures in a row, the last one: ${end.error.message}`;
    return {
      status: FAILURE,
      error: new SidecarError('ERR_TOO_MANY_FAILURES', { op: 'sync', detail, cause: end.error }),
    };
  }

  /** compat.md 4: with `--one-time` each hook gets one attempt, in order; only v4 lets a failure decide the exit status. */
  async #tellHooksOnce(cycle: Cycle): Promise<boolean> {
    const { context } = this.#sync;
    const { config, hooks } = context;
    const { wanted, candidate, live, plan, updated } = cycle;
    const worktree = candidate ?? live;
    if (!wanted || !worktree || !plan || (config.mode !== 'v4' && !updated)) return true;
    const notification = notificationOf(context, wanted, worktree, plan);
    let ok = true;
    for (const hook of hooks) ok = (await hook.once(notification)) && ok;
    return ok || config.mode !== 'v4';
  }

  async stop({ signal }: StopOrder): Promise<void> {
    const { context, dispose, wakeUps } = this.#sync;
    const { runner, log } = this.#options.ambient;
    const patience = signal ? 1 : PATIENT;
    wakeUps.wake('stop');
    this.#stopping.abort();
    const ends = [this.#working, ...context.hooks.map((hook) => hook.stop()), runner.endAll()];
    const isOver = await settledWithin(Promise.allSettled(ends), STOP_MS * patience);
    if (!isOver) log.warn('stopping without having ended everything', { pending: this.pending.join(' ') });
    const last = async (): Promise<void> => {
      if (isOver) await closeRepository(context);
      await dispose();
    };
    await settledWithin(last(), LAST_MS * patience);
  }

  /** compat.md 6: with nothing left to follow, an interrupt is a normal end. */
  statusAfter(signal: NodeJS.Signals): number | undefined {
    const isDone = this.#options.config.target.kind === 'oid' && this.#observability.health.isInitialized;
    return signal === 'SIGINT' && isDone ? OK : undefined;
  }
}
