import { asSidecarError, messageOf, SidecarError } from '../model/error.ts';
import { systemClock } from '../platform/clock.ts';
import { readCpuGroup } from '../platform/cpu-limit.ts';
import type { Logger } from '../platform/log.ts';
import { Redactor } from '../platform/redact.ts';
import { Throttling } from '../platform/throttling.ts';
import type { Metrics } from '../serve/metrics.ts';
import type { ServiceEnd } from '../service/service.ts';
import { type Course, leadLast } from './course.ts';
import { Logs } from './logs.ts';
import { EXIT, type Io } from './outcome.ts';
import type { Plan } from './plan.ts';
import { RunningProcess } from './running-process.ts';
import { listenForSignals } from './signals.ts';

/** Loads the metrics library only when metrics are served: most sidecars never need it. */
async function createMetrics({ http, mode, hasUnits }: Plan): Promise<Metrics | undefined> {
  if (!http?.metrics) return undefined;
  const { Metrics } = await import('../serve/metrics.ts');
  return new Metrics(mode === 'v4' ? [] : [0.5, 0.9, 0.99], hasUnits);
}

/**
 * Node ends a process that has nothing to wait for. When there is work left then, its promise was broken.
 * @returns what ends the watching
 */
function reportEmptyLoop(log: Logger, pending: () => readonly string[]): () => void {
  const report = (): void => {
    const detail = `nothing is left to wait for, and this is not over: ${pending().join(', ') || 'the process'}`;
    log.error(new SidecarError('ERR_INTERNAL', { op: 'run this process', detail }), 'giving up');
  };
  process.once('beforeExit', report);
  return () => void process.off('beforeExit', report);
}

/** One life of a process: from its plan to its exit status. */
export async function boot(plan: Plan, io: Io, course: Course = leadLast): Promise<number> {
  // Node writes the title over the arguments, so a secret given as a flag is no longer shown by ps.
  if (plan.hidesArguments) process.title = `git-sidecar ${plan.title}`;
  const redactor = new Redactor();
  const throttling = new Throttling(readCpuGroup(), systemClock.monotonic);
  throttling.start();
  const logs = new Logs({ plan, io, redactor, now: systemClock.now, throttling });
  const log = logs.ofProcess;
  const stopping = new AbortController();
  const hurry = new AbortController();
  let running: RunningProcess | undefined;
  const signals = listenForSignals({
    wakeOn: plan.wakeOn,
    log,
    onWake: () => running?.wake(),
    onStop: ({ signal }) => {
      // A second signal, or one other than SIGTERM, means: do not wait.
      if (stopping.signal.aborted || signal !== 'SIGTERM') hurry.abort();
      stopping.abort();
    },
    keepsProcess: () => running?.keepsProcess ?? plan.units.some(({ kind }) => kind === 'run'),
    passOn: (signal) => running?.passOn(signal),
    onReload: course.reload && (() => course.reload?.()),
  });
  const endWatch = reportEmptyLoop(log, () =>
    [...(running?.services.values() ?? [])].flatMap(({ pending }) => pending),
  );
  let end: ServiceEnd = { status: EXIT.failure };
  try {
    const terminal = { write: io.stderr, isInteractive: io.stderrIsTerminal };
    const metrics = await createMetrics(plan);
    const parts = { plan, log, logs, redactor, metrics, clock: systemClock, random: Math.random, terminal };
    running = new RunningProcess(parts);
    end = await course.run(plan, running, stopping.signal);
    if (end.error !== undefined && !signals.stop()) log.error(end.error, 'giving up');
  } catch (error) {
    const failure = asSidecarError(error, `start ${plan.title}`);
    if (!stopping.signal.aborted) log.error(failure, `cannot start: ${messageOf(failure)}`);
  }
  stopping.abort();
  // A process with several purposes ends as its signal says, however one of them ended.
  const leader = plan.hasUnits ? undefined : [...(running?.services.values() ?? [])].at(-1);
  await running?.endAll({ signal: signals.stop()?.signal, hurry: hurry.signal });
  await logs.settled();
  signals.dispose();
  throttling.stop();
  endWatch();
  const stop = signals.stop();
  if (!stop) return end.status;
  log.info(0, 'stopped', { signal: stop.signal });
  return leader?.statusAfter?.(stop.signal) ?? stop.exitStatus;
}
