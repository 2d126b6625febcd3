import { buildSyncConfig } from '../../src/config/build-config.ts';
import { load } from '../../src/config/load.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { Leases } from '../../src/platform/leases.ts';
import type { Logger } from '../../src/platform/log.ts';
import { type CommandResult, createProcessRunner, type ProcessRunner } from '../../src/platform/process/runner.ts';
import { Redactor } from '../../src/platform/redact.ts';
import { prepareRoot } from '../../src/platform/root.ts';
import { WakeUps } from '../../src/platform/wake-ups.ts';
import { Watchdog } from '../../src/platform/watchdog.ts';
import { type LoopEnd, SyncLoop } from '../../src/sync/loop.ts';
import { closeRepository, opener } from '../../src/sync/open.ts';
import { createStages } from '../../src/sync/stages.ts';
import { wireSync } from '../../src/sync/wiring/wire.ts';
import type { Tamper } from './tamper.ts';

const NOTHING = (): void => undefined;

const ENDED = { code: null, signal: null, stdout: Buffer.alloc(0), stderr: '', truncated: false } as const;

/** The real one, but for the command that `tamper` chose. One that hangs ends with its signal, as real ones do. */
function tamperedRunner(tamper: Tamper): ProcessRunner {
  const real = createProcessRunner();
  const hang = async (signal: AbortSignal | undefined): Promise<CommandResult> => {
    // Without a signal it could be ended by nobody.
    await Promise.race([
      tamper.released,
      new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true })),
    ]);
    return { ...ENDED, endedBy: 'abort' };
  };
  return {
    run: async (spec) => {
      const word = spec.args.find((arg) => /^[a-z][a-z-]+$/.test(arg)) ?? '';
      const fault = tamper.step(`run ${spec.file} ${word}`);
      if (fault === 'hangs') return await hang(spec.signal);
      if (fault === 'fails')
        return { ...ENDED, code: 128, stderr: 'fatal: it does not work today\n', endedBy: undefined };
      if (fault === 'is killed') return { ...ENDED, signal: 'SIGKILL', endedBy: undefined };
      return await real.run(spec);
    },
    endAll: () => real.endAll(),
  };
}

export interface TamperedSync {
  /** What the watchdog gave up. */
  readonly stuck: string[];
  /** Messages of failed cycles. */
  readonly failures: string[];
  readonly end: Promise<LoopEnd>;
  /** Resolves when it has ended, which it has to do by itself. */
  stop(): Promise<LoopEnd>;
}

/** A sync in this process, with everything real but the step that `tamper` chose. */
export async function tamperedSync(args: readonly string[], tamper: Tamper): Promise<TamperedSync> {
  const env = { PATH: process.env.PATH, HOME: '/nonexistent' };
  const config = buildSyncConfig(load('sync', args, env).settings, env);
  const stuck: string[] = [];
  const failures: string[] = [];
  const log: Logger = {
    info: NOTHING,
    warn: NOTHING,
    error: (error) => void failures.push(String(error)),
    shows: () => true,
  };
  const { context, dispose } = await wireSync({
    config,
    root: await prepareRoot(config.stateDir),
    runner: tamperedRunner(tamper),
    log,
    redactor: new Redactor(),
    clock: systemClock,
    random: Math.random,
    leases: new Leases(),
    withoutDefaults: undefined,
    observer: { onCycleStart: NOTHING, onCycle: NOTHING, onPublish: NOTHING, onVerify: NOTHING },
    wakeForGroup: () => undefined,
    wake: NOTHING,
    counters: {
      fetched: NOTHING,
      askpass: NOTHING,
      githubToken: NOTHING,
      identity: NOTHING,
      hook: NOTHING,
      verified: NOTHING,
    },
  });
  const stopping = new AbortController();
  const wakeUps = new WakeUps(systemClock);
  const limits = { everyMs: 20, patienceMs: 0, leastExcessMs: 500 };
  const watchdog = new Watchdog({
    clock: systemClock,
    onOverdue: NOTHING,
    onStuck: ({ what }) => void stuck.push(what),
    ...limits,
  });
  const open = opener(context);
  const loop = new SyncLoop({
    context,
    wakeUps,
    watchdog,
    open: async (signal) => {
      tamper.stage = 'open';
      await open(signal);
    },
    stages: createStages().map((stage) => ({
      ...stage,
      run: async (...given) => {
        tamper.stage = stage.name;
        try {
          return await stage.run(...given);
        } finally {
          tamper.stage = '';
        }
      },
    })),
    random: () => 0.5,
    signal: stopping.signal,
    onSuccess: async () => undefined,
  });
  const end = loop.run();
  return {
    stuck,
    failures,
    end,
    stop: async () => {
      wakeUps.wake('stop');
      stopping.abort();
      const ended = await end;
      await closeRepository(context);
      await dispose();
      return ended;
    },
  };
}
