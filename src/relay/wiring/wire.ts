import { hostname } from 'node:os';
import { join } from 'node:path';
import type { RelayConfig } from '../../config/relay-config.ts';
import type { Git } from '../../git/git.ts';
import { FairRoom } from '../../platform/fair-room.ts';
import { VERSION } from '../../platform/version.ts';
import type { Watchdog } from '../../platform/watchdog.ts';
import type { Ambient } from '../../service/ambient.ts';
import { openKubernetesEvents } from '../../service/open-kubernetes-events.ts';
import { openTracer } from '../../service/open-tracer.ts';
import type { Outbox } from '../answers/outbox.ts';
import { LiveFeed } from '../browser/live-feed.ts';
import { Savings } from '../browser/savings.ts';
import { Board } from '../nats/board.ts';
import { noteOnBoard } from '../nats/board-noting.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import { Access } from '../server/access/access.ts';
import { AllowPattern, followedName, type Upstream } from '../server/access/allow.ts';
import { Doorkeeper } from '../server/access/doorkeeper.ts';
import type { OnRefused } from '../server/access/quotas.ts';
import { Fleet } from '../server/fleet/fleet.ts';
import { StreamKeys } from '../server/fleet/stream-keys.ts';
import { DiskRoom } from '../server/git/disk-room.ts';
import { FetchGate } from '../server/git/fetch-gate.ts';
import { LargeQuestions } from '../server/git/large-questions.ts';
import { PackAnswers } from '../server/git/pack-answers.ts';
import { Reach } from '../server/git/reach.ts';
import { ReadyAnswers } from '../server/git/ready-answers.ts';
import { StartPace } from '../server/git/start-pace.ts';
import { isAbsence } from '../server/mirror/absences.ts';
import { changeSpans } from '../server/mirror/change-spans.ts';
import { Follower } from '../server/mirror/follower.ts';
import { HostBudget } from '../server/mirror/host-budget.ts';
import { Mirror } from '../server/mirror/mirror.ts';
import { NotedPushes } from '../server/mirror/noted-pushes.ts';
import { Repositories } from '../server/mirror/repositories.ts';
import { nameOfRelay } from '../server/rollouts/other-deciders.ts';
import { rolloutEvent } from '../server/rollouts/pod-event.ts';
import type { PolicyFile } from '../server/rollouts/policy-file.ts';
import type { RolloutDesk } from '../server/rollouts/rollout-desk.ts';
import { instanceKey } from '../server/rollouts/rollouts.ts';
import { Hub } from '../server/streams/hub.ts';
import { refsIn, WHOLE_VIEW } from '../server/streams/ref-view.ts';
import { release } from '../server/streams/release.ts';
import { createOutbox } from './outbox.ts';
import { openRelayGit } from './relay-git.ts';
import type { RelayRole } from './role.ts';
import { wireDesk } from './rollout-desk.ts';
import { createUpstreams } from './upstreams.ts';

export interface RelayWiring extends Omit<Ambient, 'terminal'> {
  readonly config: RelayConfig;
  /** Real path of the root. */
  readonly root: string;
  readonly policies: PolicyFile;
  readonly role: Pick<RelayRole, 'follows' | 'mirrors'>;
  /** Observes what followers do; undefined: there is no observer. */
  readonly watchdog: Watchdog | undefined;
}

export interface WiredRelay {
  readonly git: Git;
  readonly access: Access;
  readonly answers: PackAnswers;
  readonly disk: DiskRoom;
  readonly gate: FetchGate;
  readonly questions: LargeQuestions;
  readonly ready: ReadyAnswers;
  readonly doorkeeper: Doorkeeper;
  readonly fleet: Fleet;
  readonly keys: StreamKeys;
  readonly hub: Hub;
  /** For the browsers that watch. */
  readonly live: LiveFeed;
  readonly savings: Savings;
  readonly rollouts: RolloutDesk;
  readonly outbox: Outbox;
  readonly policies: PolicyFile;
  /** Notifications that did not come true yet. */
  readonly pushes: NotedPushes;
  readonly repositories: Repositories;
  /** Mirrors that changed since they were last tidied up. */
  readonly untidy: Set<Mirror>;
  readonly onRefused: OnRefused;
  dispose(): Promise<void>;
}

/** git processes that answer fetches at a time; four of them for a principal that is alone. */
const MOST_ANSWERS_AT_ONCE = 6;
/** Different questions that may wait for them, 256 of one principal; a whole fleet asks the same one. */
const MOST_ANSWERS_WAITING = 342;
/** Repositories that are mirrored for the first time at once; one principal has at most three quarters of these places. */
const MOST_FIRST_COPIES = 16;
/** Before a repository that the git server did not have is asked for again; the pauses grow. */
const LONGEST_FIRST_PAUSE_MS = 5000;
/** git processes besides, each as slow as its reader: those whose answers have no room on disk. Six of one principal. */
const MOST_ANSWERS_FLOWING = 8;
/** A client that lost its connection comes again before the work for it is dropped. */
const LINGER_MS = 5000;
const LONGEST_ANSWER_MS = 30 * 60_000;
const CACHE_IN_MEMORY_BYTES = 64 * 2 ** 20;

/** Makes everything that a relay needs; starts nothing. @throws SidecarError ERR_RELAY_PATTERN */
export async function wireRelay(wiring: RelayWiring): Promise<WiredRelay> {
  const { config, root, runner, log, clock, random, metrics } = wiring;
  const always = config.follow.map(followedName);
  const allow = config.allow.map((text) => new AllowPattern(text));
  const { git, hermetic, directory, close: closeGit } = await openRelayGit(wiring);
  const board = config.nats && new Board({ ...config.nats, name: hostname(), clock, log });
  const budget = new HostBudget(clock, config.requestsPerHost, (host, ms) =>
    log.warn('requests wait for their turn: raise --requests-per-host or --period, or use a webhook', {
      host,
      ms: Math.round(ms),
    }),
  );
  const access = new Access(config.accessFile, log, clock);
  const onRefused: OnRefused = (what) => metrics?.count('git_sidecar_relay_refused_total', { what });
  const relayName = nameOfRelay(hostname(), process.pid, clock);
  const hub = new Hub({
    relay: relayName,
    staggerMs: config.staggerMs,
    mostSubscribers: config.maxSubscribers,
    clock,
    random,
  });
  const events = await openKubernetesEvents(config, wiring);
  const desk = wireDesk({
    ...{ config, root, relay: relayName, clock, log, follows: wiring.role.follows },
    repositories: () => repositories,
    onReleased: (name, instances) => {
      live.noteRepository(name);
      const follower = repositories.peek(name);
      if (follower)
        release(hub, follower, instances, (key, from, { names }) => rollouts.viewOf(name, key, from, names));
    },
    onNote: (repository, entry, ref, policy) => {
      live.noteRepository(repository);
      metrics?.count('git_sidecar_rollout_events_total', { repository, what: entry.what });
      const event = rolloutEvent(repository, entry);
      if (event) events?.record(event);
      outbox.note({ repository, ref, policy }, entry);
    },
  });
  const { rollouts } = desk;
  const tracer = await openTracer(config, wiring, 'relay');
  const outbox = createOutbox(wiring, rollouts);
  const pushes = new NotedPushes();
  const untidy = new Set<Mirror>();
  const copies = new FairRoom(() => MOST_FIRST_COPIES);

  const upstreams = createUpstreams({ ...wiring, git, hermetic });
  const createGate =
    config.verify &&
    (await (
      await import('./tip-gates.ts')
    ).openTipGates({
      ...{ config, policy: config.verify, git, runner, clock, log, root, directory },
      onAnswer: (code) => metrics?.count('git_sidecar_relay_verify_count_total', { status: code ?? 'success' }),
    }));
  const createFollower = async (upstream: Upstream, gitDir: string, payer: string): Promise<Follower> => {
    const gate = createGate?.(upstream.name, gitDir);
    const mirror = new Mirror({ git, root, gitDir, clock, log, gate });
    const { name } = upstream;
    for (const [ref, oids] of rollouts.kept(name)) mirror.keep(ref, oids);
    const follower: Follower = new Follower({
      upstream,
      remote: await upstreams.open(upstream, (hint) => follower.wake(hint)),
      mirror,
      gate,
      budget,
      copies,
      payer,
      periodMs: config.periodMs,
      clock,
      random,
      log,
      noting:
        board &&
        noteOnBoard({ board, repository: name, refs: () => follower.refs, onNews: (hint) => follower.wake(hint), log }),
      prepare: async (moved) => await hub.prepare(follower, moved),
      onChange: (changes, times) => {
        tracer?.record(changeSpans(name, changes, times, pushes));
        fleet.changed(name, changes);
        hub.tell(follower, changes);
        void rollouts.look(name);
        live.noteRepository(name);
        metrics?.count('git_sidecar_relay_changes_total', { repository: name });
        untidy.add(mirror);
      },
      watchdog: wiring.watchdog,
      onRecovery: () => {
        hub.tellRecovery(follower);
        live.noteRepository(name);
      },
      onTrouble: (error, isNew) => {
        if (isNew) {
          hub.tellTrouble(follower);
          live.noteRepository(name);
        }
        if (!follower.isKnown && isAbsence(error)) repositories.giveUp(follower, error);
        disk.note(error);
        const repository = follower.isKnown ? name : 'other';
        metrics?.count('git_sidecar_relay_upstream_failures_total', { repository, code: error.code });
      },
    });
    return follower;
  };

  const repositories = new Repositories({
    directory: join(root, wiring.role.mirrors),
    allow,
    always,
    most: config.maxRepositories,
    idleMs: config.idleMs,
    mostBytes: config.maxDiskBytes,
    clock,
    log,
    createFollower,
    firstPauseMs: Math.min(config.periodMs, LONGEST_FIRST_PAUSE_MS),
    isWatched: (follower) => hub.isWatched(follower),
    endStreams: (follower, error) => hub.endAll(follower, error),
  });
  const fleet = new Fleet({
    clock,
    follower: (name) => repositories.peek(name),
    tipFor: ({ owner, repository, report }, ref) => {
      const refs = repositories.peek(repository)?.refs;
      const view = rollouts.viewOf(repository, instanceKey(owner, report.instance), WHOLE_VIEW, [ref]);
      return refs && refsIn(refs, view).get(ref);
    },
    onFollowed: (seconds) => metrics?.observe('git_sidecar_relay_follow_seconds', seconds),
    onMember: (member) => live.noteMember(member),
    onForgotten: (member) => live.noteMember(member, true),
    mostSubscribers: config.maxSubscribers,
  });
  const suspect = (gitDir: string): void =>
    repositories.followers.find(({ mirror }) => mirror.gitDir === gitDir)?.suspect();
  const disk: DiskRoom = new DiskRoom({ directory: root, log, onLow: () => void answers.makeRoom() });
  const pace = new StartPace({ clock, isShared: (owner) => hub.hasStreamsBeside(owner) });
  const reach = new Reach({ git, pace, onFailure: suspect });
  const answers: PackAnswers = new PackAnswers({
    git,
    disk,
    directory: join(root, 'answers'),
    log,
    mostBytes: config.cacheBytes,
    mostBytesInMemory: Math.min(CACHE_IN_MEMORY_BYTES, config.cacheBytes),
    mostAtOnce: MOST_ANSWERS_AT_ONCE,
    mostWaiting: MOST_ANSWERS_WAITING,
    mostFlowing: MOST_ANSWERS_FLOWING,
    pace,
    timeoutMs: LONGEST_ANSWER_MS,
    lingerMs: LINGER_MS,
    onFailure: suspect,
  });
  const savings = new Savings(clock, config.periodMs, () => hub.subscribers);
  const follower = (name: RepositoryName): Follower | undefined => repositories.peek(name);
  const sources = { repositories, hub, answers, fleet, savings, version: VERSION };
  const live: LiveFeed = new LiveFeed({ ...sources, clock, rollouts, follower });
  return {
    git,
    live,
    savings,
    access,
    answers,
    disk,
    gate: new FetchGate(reach, log),
    questions: new LargeQuestions(clock),
    ready: new ReadyAnswers(),
    doorkeeper: new Doorkeeper(access, repositories, onRefused),
    onRefused,
    fleet,
    keys: new StreamKeys(),
    hub,
    rollouts,
    outbox,
    policies: wiring.policies,
    pushes,
    repositories,
    untidy,
    dispose: async () => {
      await outbox.close();
      upstreams.close();
      reach.close();
      await desk.close();
      await Promise.all([tracer?.close(), events?.close()]);
      await board?.close();
      await closeGit();
    },
  };
}
