import { join } from 'node:path';
import type { RunConfig } from '../config/run-config.ts';
import { type Verdict, YES } from '../model/verdict.ts';
import { readBootId } from '../platform/boot-id.ts';
import { settledWithin } from '../platform/bounded.ts';
import { createFlush } from '../platform/flush.ts';
import { HttpClient } from '../platform/http-client.ts';
import { NO_ROUTES, RouteTable } from '../platform/http-route.ts';
import type { KubernetesEvents } from '../platform/kubernetes-events.ts';
import type { LogFields } from '../platform/log.ts';
import { endPredecessors } from '../platform/orphans.ts';
import { OutputLines } from '../platform/output-lines.ts';
import type { Exit } from '../platform/process/runner.ts';
import type { Tracer } from '../platform/trace/tracer.ts';
import { jsonRoute } from '../serve/routes.ts';
import type { Ambient } from '../service/ambient.ts';
import { openKubernetesEvents } from '../service/open-kubernetes-events.ts';
import { openTracer } from '../service/open-tracer.ts';
import type { Publisher } from '../service/publisher.ts';
import type { Service, ServiceEnd, StopOrder } from '../service/service.ts';
import { takeStateDirectory } from './claim-state.ts';
import { ControlSocket } from './control-socket.ts';
import { Deployer } from './deployer.ts';
import { statusOf } from './exit-status.ts';
import { LinkWatch } from './follow-link.ts';
import { Front } from './front.ts';
import { Launch } from './launch.ts';
import { Mirror } from './mirror.ts';
import { MirroredFiles } from './mirrored-files.ts';
import { PublishedBoot } from './published-boot.ts';
import { Releases } from './releases.ts';
import { RunReport } from './report.ts';
import { openStateDirectory, StateFile, stateCandidates } from './state.ts';
import { checkSurroundings } from './surroundings.ts';
import { Switchover } from './switchover.ts';
import { Unwritten } from './unwritten.ts';

export interface RunServiceOptions {
  readonly config: RunConfig;
  readonly ambient: Ambient;
  /** Logs that it starts, with these facts. */
  readonly announce: (facts: LogFields) => void;
  /** The sync of this process that makes the link; undefined: another process does. */
  readonly sync: Publisher | undefined;
  /** Its name in a document; undefined: the process is there for this run alone, and `/status` is about nothing else. */
  readonly unit: string | undefined;
}

/** How long a sync of another process may take to look at what is published, after a start of the machine. */
const SYNC_PATIENCE_MS = 60_000;

/** How long the report of a process that is not started again may take. */
const LAST_REPORT_MS = 1000;

/** What the parts of a run have in common. */
interface Opened {
  readonly stateDir: string;
  readonly state: StateFile;
  readonly front: Front | undefined;
  /** Identity of this boot of the machine. */
  readonly boot: string;
  readonly tracer: Tracer | undefined;
  readonly events: KubernetesEvents | undefined;
}

/** A process that follows a directory, as a service of a process. */
export class RunService implements Service {
  readonly inbound = undefined;
  readonly pending = [];
  readonly routes: RouteTable;
  readonly #options: RunServiceOptions;
  readonly #report: RunReport;
  readonly #front: Front | undefined;
  readonly #tracer: Tracer | undefined;
  readonly #events: KubernetesEvents | undefined;
  readonly #switchover: Switchover;
  readonly #deployer: Deployer;
  readonly #gone: Promise<Exit>;
  #control: ControlSocket | undefined;
  /** Lets another run use the state directory. */
  #giveBack: () => void = () => undefined;
  #watch: LinkWatch | undefined;
  #status: number | undefined;

  private constructor(options: RunServiceOptions, { stateDir, state, front, boot, tracer, events }: Opened) {
    const { config, ambient, sync, unit } = options;
    this.routes = unit === undefined ? new RouteTable([jsonRoute('/status', () => this.status())]) : NO_ROUTES;
    const { clock, log, metrics, random, redactor, runner, terminal, withoutDefaults } = ambient;
    let onGone: (exit: Exit) => void = () => undefined;
    this.#gone = new Promise((resolve) => {
      onGone = resolve;
    });
    const { place, link } = config;
    const durable = config.sync?.durable === true;
    const releases = new Releases({ directory: join(stateDir, 'releases'), link, place, clock, boot });
    const http = new HttpClient(config.environment, withoutDefaults);
    const redact = (text: string): string => redactor.redact(text);
    const hasReaders = (): boolean => sync?.hasRelay === true;
    const openOutput = (): OutputLines => new OutputLines(redactor, terminal.write);
    const launch = new Launch({ config, stateDir, runner, clock, http, log, openOutput, redact, hasReaders });
    const mirror =
      place.kind === 'into'
        ? new Mirror({ directory: place.directory, backupDir: join(stateDir, 'backup'), durable, log })
        : undefined;
    this.#options = options;
    this.#tracer = tracer;
    this.#events = events;
    this.#front = front;
    this.#report = new RunReport({ state, front, metrics, sync, tracer, events, redact });
    const onState = (): void => this.#report.reportToRelay();
    this.#switchover = new Switchover({ config, launch, front, clock, log, onGone, onState });
    this.#report.watch(this.#switchover.present);
    const switchover = this.#switchover;
    const flush = createFlush({ runner, env: config.environment });
    const patienceMs = sync ? undefined : SYNC_PATIENCE_MS;
    this.#deployer = new Deployer({
      ...{ config, state, releases, launch, switchover, clock, log, random },
      files: new MirroredFiles({ mirror, state, switchover }),
      unwritten: new Unwritten({
        ...{ state, releases, flush, boot, durable, log },
        builds: config.build !== undefined,
      }),
      publishedBoot: new PublishedBoot({ boot, patienceMs, clock, log }),
      redact,
      observer: this.#report,
    });
  }

  /** @throws SidecarError where the command, the link or a directory cannot be used */
  static async open(options: RunServiceOptions): Promise<RunService> {
    const { config, ambient, announce, sync, unit } = options;
    const { log } = ambient;
    const { link, place } = config;
    await checkSurroundings(config, sync !== undefined);
    const identity = { link, place, unit };
    const stateDir = await openStateDirectory(stateCandidates(config.stateDir, identity, config.environment));
    announce({ link, command: config.command?.[0] ?? 'none, a mirror', state: stateDir });
    const giveBack = await takeStateDirectory(stateDir, log);
    let front: Front | undefined;
    try {
      await endPredecessors(stateDir, log);
      const state = new StateFile(stateDir);
      await state.load();
      front = config.listen && (await Front.listen(config.listen, ambient.clock));
      if (front) log.info(0, 'accepting connections', { port: front.ownPort });
      const [boot, tracer] = [
        await readBootId(),
        await openTracer(config, ambient, 'run', config.sync?.relay?.instance),
      ];
      const events = await openKubernetesEvents(config, ambient);
      const service = new RunService(options, { stateDir, state, front, boot, tracer, events });
      const rollBack = async (to: string | undefined): Promise<string> => (await service.#deployer.rollBack(to)).id;
      service.#control = await ControlSocket.listen(stateDir, rollBack, log);
      service.#giveBack = giveBack;
      return service;
    } catch (error) {
      await front?.close();
      giveBack();
      throw error;
    }
  }

  readiness(): Verdict {
    return this.#report.readiness();
  }

  liveness(): Verdict {
    return YES;
  }

  status(): unknown {
    return this.#options.ambient.redactor.redactAll(this.#report.status());
  }

  showMetrics(): void {
    this.#report.showMetrics();
  }

  wake(): void {
    this.#deployer.consider();
  }

  passOn(signal: NodeJS.Signals): void {
    this.#switchover.present.instance?.signal(signal);
  }

  async run(signal: AbortSignal): Promise<ServiceEnd> {
    const { config, ambient, sync } = this.#options;
    const consider = (): void => this.#deployer.consider();
    // Before anything runs: what is published here is not done before its process is ready.
    this.#report.reportToRelay();
    await this.#deployer.resume();
    const ended = sync?.onPublish(consider);
    this.#report.reportToRelay();
    const { link, recheckMs } = config;
    this.#watch = new LinkWatch({ link, recheckMs, log: ambient.log, clock: ambient.clock, onChange: consider });
    consider();
    const stopped = new Promise<undefined>((done) =>
      signal.aborted ? done(undefined) : signal.addEventListener('abort', () => done(undefined)),
    );
    const exit = await Promise.race([this.#gone, stopped]);
    ended?.();
    if (!exit) return { status: 1 };
    // Our end alone would look like that of a machine.
    await settledWithin(sync?.reported() ?? Promise.resolve(), LAST_REPORT_MS);
    ambient.log.info(0, 'stopping', { status: exit.code, signal: exit.signal });
    await this.#deployer.halt();
    this.#status = statusOf({ exit }, await this.#deployer.stop());
    return { status: this.#status };
  }

  async stop({ signal, hurry }: StopOrder): Promise<void> {
    const { log } = this.#options.ambient;
    // Both at once: who saw that we are not ready gets no answer that keeps a connection.
    this.#report.ending();
    this.#front?.leave();
    try {
      // Also where a document ends it: requests that are under way are as good then.
      if (this.#status === undefined) {
        log.info(0, 'stopping', { reason: signal ?? 'its unit ends' });
        await this.#deployer.halt();
        if (this.#switchover.present.isAlive) await this.#drain(hurry);
        this.#status = statusOf({ signal: signal ?? 'SIGTERM' }, await this.#deployer.stop());
      }
    } finally {
      this.#watch?.close();
      await this.#deployer.stop();
      await Promise.all([this.#front?.close(), this.#control?.close(), this.#tracer?.close(), this.#events?.close()]);
      await this.#options.ambient.runner.endAll();
      this.#giveBack();
    }
  }

  statusAfter(): number | undefined {
    return this.#status;
  }

  /** Lets load balancers and clients go elsewhere, and finishes what is under way, before the process is stopped. */
  async #drain(hurry: AbortSignal): Promise<void> {
    const { drainDelayMs, drainTimeoutMs } = this.#options.config;
    const { clock, log } = this.#options.ambient;
    if (drainDelayMs > 0 && !hurry.aborted) {
      log.info(0, 'serving on until load balancers have taken note', { ms: drainDelayMs });
      await clock.sleep(drainDelayMs, hurry);
    }
    if (hurry.aborted) return;
    const cut = await this.#front?.finish(drainTimeoutMs, hurry);
    if (cut) log.warn('connections were cut at the end', { connections: cut });
  }
}
