import { hostname } from 'node:os';
import type { HermeticGit } from '../../git/hermetic.ts';
import { cloudEvent, eventSource } from '../../notify/cloud-event.ts';
import { runExechook } from '../../notify/exechook.ts';
import { HookRunner } from '../../notify/hook-runner.ts';
import { ProcessAbsent, signalProcess } from '../../notify/process-signal.ts';
import { callWebhook } from '../../notify/webhook.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import type { Needs, SyncContext } from '../context.ts';
import { type HookDetails, withDetails } from './details.ts';
import type { ExechookReport } from './exechook-report.ts';
import { tracedHook } from './traced-hook.ts';
import type { WiringOptions } from './wire.ts';

/** The hooks after a publish. */
export function createHooks(
  { config, clock, log, runner, counters, tracer }: WiringOptions & Needs<'tracer'>,
  hermetic: HermeticGit,
  http: HttpClient,
  details: HookDetails,
  report: ExechookReport | undefined,
): HookRunner[] {
  const traced = (name: string, attempt: Parameters<typeof tracedHook>[3]): typeof attempt =>
    tracedHook(tracer, clock, name, attempt);
  const shared = { clock, log };
  const hooks: HookRunner[] = [];
  const { exechook, webhook, processSignal } = config;
  const { consumers } = details;
  if (exechook) {
    const options = {
      config: exechook,
      code: 'ERR_NOTIFY_EXECHOOK' as const,
      runner,
      log,
      environment: hermetic.hookEnvironment,
    };
    hooks.push(
      new HookRunner({
        ...shared,
        name: 'exechook',
        backoffMs: exechook.backoffMs,
        attempt: traced(
          'exechook',
          consumers.exechook === undefined
            ? (notification, signal) => runExechook(options, notification, signal)
            : withDetails(details, consumers.exechook, (...given) => runExechook(options, ...given)),
        ),
        onResult: (success, notification, error) => {
          counters.hook('exechook', success);
          report?.note(success, notification, error);
        },
      }),
    );
  }
  if (webhook) {
    const source = eventSource(hostname(), config.link);
    hooks.push(
      new HookRunner({
        ...shared,
        name: 'webhook',
        backoffMs: webhook.backoffMs,
        attempt: traced(
          'webhook',
          consumers.webhook === undefined
            ? (notification, signal) => callWebhook(webhook, http, notification, signal)
            : withDetails(details, consumers.webhook, (notification, signal, data) =>
                callWebhook(webhook, http, notification, signal, cloudEvent(source, notification, data)),
              ),
        ),
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
        attempt: traced('signal', () => signalProcess(processSignal, log)),
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
  { reader }: HookDetails,
): SyncContext['prePublish'] {
  const hook = config.prePublishHook;
  if (!hook) return undefined;
  return async (notification, published, signal) => {
    const options = {
      config: hook,
      code: 'ERR_NOTIFY_PRE_PUBLISH' as const,
      runner,
      log,
      environment: hermetic.hookEnvironment,
    };
    try {
      const details = hook.details ? await reader.read(notification, published, signal) : undefined;
      await runExechook(options, notification, signal, details);
    } catch (error) {
      counters.hook('pre-publish-exechook', false);
      throw error;
    }
    counters.hook('pre-publish-exechook', true);
  };
}
