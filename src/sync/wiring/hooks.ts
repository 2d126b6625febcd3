import type { HermeticGit } from '../../git/hermetic.ts';
import { runExechook } from '../../notify/exechook.ts';
import { HookRunner } from '../../notify/hook-runner.ts';
import { ProcessAbsent, signalProcess } from '../../notify/process-signal.ts';
import { callWebhook } from '../../notify/webhook.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import type { SyncContext } from '../context.ts';
import type { WiringOptions } from './wire.ts';

/** The hooks after a publish. */
export function createHooks(
  { config, clock, log, runner, counters }: WiringOptions,
  hermetic: HermeticGit,
  http: HttpClient,
): HookRunner[] {
  const shared = { clock, log };
  const hooks: HookRunner[] = [];
  const { exechook, webhook, processSignal } = config;
  if (exechook) {
    hooks.push(
      new HookRunner({
        ...shared,
        name: 'exechook',
        backoffMs: exechook.backoffMs,
        attempt: (notification, signal) =>
          runExechook(
            { config: exechook, code: 'ERR_NOTIFY_EXECHOOK', runner, log, environment: hermetic.hookEnvironment },
            notification,
            signal,
          ),
        onResult: (success) => counters.hook('exechook', success),
      }),
    );
  }
  if (webhook) {
    hooks.push(
      new HookRunner({
        ...shared,
        name: 'webhook',
        backoffMs: webhook.backoffMs,
        attempt: (notification, signal) => callWebhook(webhook, http, notification, signal),
        onResult: (success) => counters.hook('webhook', success),
      }),
    );
  }
  if (processSignal) {
    hooks.push(
      new HookRunner({
        ...shared,
        name: 'signal',
        backoffMs: processSignal.backoffMs,
        attempt: () => signalProcess(processSignal, log),
        isAbsence: (error) => error instanceof ProcessAbsent,
        onResult: (success) => counters.hook('signal', success),
      }),
    );
  }
  return hooks;
}

/** The hook before a publish. */
export function createPrePublish(
  { config, runner, log, counters }: WiringOptions,
  hermetic: HermeticGit,
): SyncContext['prePublish'] {
  const hook = config.prePublishHook;
  if (!hook) return undefined;
  return async (notification, signal) => {
    const options = {
      config: hook,
      code: 'ERR_NOTIFY_PRE_PUBLISH' as const,
      runner,
      log,
      environment: hermetic.hookEnvironment,
    };
    try {
      await runExechook(options, notification, signal);
    } catch (error) {
      counters.hook('pre-publish-exechook', false);
      throw error;
    }
    counters.hook('pre-publish-exechook', true);
  };
}
