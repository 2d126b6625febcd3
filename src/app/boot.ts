import { withoutDefaultCertificates } from '../config/process-input.ts';
import { asSidecarError, messageOf, SidecarError } from '../model/error.ts';
import { ErrorFile } from '../notify/files.ts';
import { bounded } from '../platform/bounded.ts';
import { systemClock } from '../platform/clock.ts';
import type { LogFields, Logger } from '../platform/log.ts';
import { createProcessRunner } from '../platform/process.ts';
import { Redactor } from '../platform/redact.ts';
import { VERSION } from '../platform/version.ts';
import type { Metrics } from '../serve/metrics.ts';
import type { HttpServer } from '../serve/server.ts';
import type { Ambient } from '../service/ambient.ts';
import type { Service, ServiceEnd, StopOrder } from '../service/service.ts';
import { openEndpoint } from './endpoint.ts';
import { keepGoing } from './keep-going.ts';
import { EXIT, type Io } from './outcome.ts';
import type { Plan, Unit } from './plan.ts';
import { createErrorFileLogger } from './process-logger.ts';
import { listenForSignals, type Stop } from './signals.ts';

/** Loads the metrics library only when metrics are served: most sidecars never need it. */
async function createMetrics({ http, mode }: Plan): Promise<Metrics | undefined> {
  if (!http?.metrics) return undefined;
  const { Metrics } = await import('../serve/metrics.ts');
  return new Metrics(mode === 'v4' ? [] : [0.5, 0.9, 0.99]);
}

function errorFileOf({ units }: Plan): ErrorFile | undefined {
  const place = units.map(({ errorFile }) => errorFile).find((each) => each !== undefined);
  return place && new ErrorFile(place.root, place.path);
}

/**
 * Node ends a process that has nothing to wait for. When there is work left then, its promise was broken.
 * @returns what ends the watching
 */
function reportEmptyLoop(log: Logger, services: ReadonlyMap<string, Service>): () => void {
  const report = (): void => {
    const pending = [...services.values()].flatMap((service) => service.pending).join(', ');
    const detail = `nothing is left to wait for, and this is not over: ${pending || 'the process'}`;
    log.error(new SidecarError('ERR_INTERNAL', { op: 'run this process', detail }), 'giving up');
  };
  process.once('beforeExit', report);
  return () => void process.off('beforeExit', report);
}

/** One life of a process: from its plan to its exit status. */
export async function boot(plan: Plan, io: Io): Promise<number> {
  // Node writes the title over the arguments, so a secret given as a flag is no longer shown by ps.
  if (plan.hidesArguments) process.title = `git-sidecar ${plan.title}`;
  const redactor = new Redactor();
  for (const unit of plan.units) unit.addSecrets(redactor);
  const errorFile = errorFileOf(plan);
  const { hintOf } = plan;
  const log = createErrorFileLogger(plan.log, io, redactor, errorFile, hintOf && { hintOf });
  const services = new Map<string, Service>();
  const stopping = new AbortController();
  const hurry = new AbortController();
  const signals = listenForSignals({
    wakeOn: plan.wakeOn,
    log,
    onWake: () => wakeAll(services),
    onStop: ({ signal }) => {
      // Who asks twice, or not politely, does not want to wait.
      if (stopping.signal.aborted || signal !== 'SIGTERM') hurry.abort();
      stopping.abort();
    },
    passOn: plan.units.some(({ kind }) => kind === 'run') ? (signal) => passOn(services, signal) : undefined,
  });
  const endWatch = reportEmptyLoop(log, services);
  let server: HttpServer | undefined;
  let end: ServiceEnd = { status: EXIT.failure };
  try {
    const metrics = await createMetrics(plan);
    const shared = { log, redactor, metrics, clock: systemClock, random: Math.random };
    await bounded(openAll(plan, io, shared, services, errorFile), stopping.signal);
    if (plan.http) {
      const own = { services: () => services, routes: [], clock: systemClock };
      server = await openEndpoint({ ...own, http: plan.http, metrics, log });
      for (const service of services.values()) service.onServing?.(server);
    }
    end = await runAll(services, stopping.signal, log);
    if (end.error !== undefined && !signals.stop()) log.error(end.error, 'giving up');
  } catch (error) {
    const failure = asSidecarError(error, `start ${plan.title}`);
    if (!stopping.signal.aborted) log.error(failure, `cannot start: ${messageOf(failure)}`);
  }
  stopping.abort();
  await stopAll(services, { signal: signals.stop()?.signal, hurry: hurry.signal }, log);
  await server?.close();
  await errorFile?.settled();
  signals.dispose();
  endWatch();
  const stop = signals.stop();
  if (stop) log.info(0, 'stopped', { signal: stop.signal });
  return statusOf(services, end, stop);
}

function wakeAll(services: ReadonlyMap<string, Service>): void {
  for (const service of services.values()) service.wake();
}

function passOn(services: ReadonlyMap<string, Service>, signal: NodeJS.Signals): void {
  for (const service of services.values()) service.passOn?.(signal);
}

async function openAll(
  plan: Plan,
  io: Io,
  shared: Pick<Ambient, 'log' | 'redactor' | 'metrics' | 'clock' | 'random'>,
  services: Map<string, Service>,
  errorFile: ErrorFile | undefined,
): Promise<void> {
  const { log } = shared;
  let isAnnounced = false;
  const announce = (facts: LogFields): void => {
    log.info(0, 'starting up', { version: VERSION, pid: process.pid, ...plan.facts, ...facts });
    if (!isAnnounced) for (const notice of plan.notices) log.warn(notice);
    isAnnounced = true;
  };
  const onSuccess = async (): Promise<void> => {
    await errorFile?.remove().catch((error: unknown) => log.warn(`the error file stays: ${messageOf(error)}`));
  };
  const open = async (unit: Unit): Promise<Service> => {
    const ambient: Ambient = {
      ...shared,
      runner: createProcessRunner(),
      withoutDefaults: plan.ownCertificates ? withoutDefaultCertificates : undefined,
      terminal: { write: io.stderr, isInteractive: io.stderrIsTerminal },
    };
    return await unit.open({ ambient, announce, onSuccess, find: (name) => services.get(name) });
  };
  for (const unit of plan.units) services.set(unit.name, await open(unit));
}

/** The process is there for the last one; the others are kept going beside it. */
async function runAll(services: ReadonlyMap<string, Service>, signal: AbortSignal, log: Logger): Promise<ServiceEnd> {
  const all = [...services];
  const [, leader] = all.pop() ?? [];
  const others = all.map(
    async ([name, service]) => await keepGoing({ name, service, signal, log, clock: systemClock }),
  );
  for (const other of others) other.catch((error: unknown) => log.error(error, 'it cannot go on'));
  return (await leader?.run(signal)) ?? { status: EXIT.ok };
}

/** What works with what another one makes ends first. */
async function stopAll(services: ReadonlyMap<string, Service>, order: StopOrder, log: Logger): Promise<void> {
  for (const service of [...services.values()].reverse())
    await service.stop(order).catch((error: unknown) => log.error(error, 'it did not end as it should'));
}

function statusOf(services: ReadonlyMap<string, Service>, end: ServiceEnd, stop: Stop | undefined): number {
  if (!stop) return end.status;
  const leader = [...services.values()].at(-1);
  return leader?.statusAfter?.(stop.signal) ?? stop.exitStatus;
}
