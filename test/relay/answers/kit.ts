import type { AnswerConfig, NotificationConfig } from '../../../src/config/answer-config.ts';
import { parseRolloutFile } from '../../../src/config/document/read-rollout-file.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { HttpClient } from '../../../src/platform/http-client.ts';
import { Redactor } from '../../../src/platform/redact.ts';
import type { DestinationTools } from '../../../src/relay/answers/destination-tools.ts';
import { parseRepositoryName, type RepositoryName } from '../../../src/relay/protocol/repository-name.ts';
import { silentLog } from '../../kit/silent-log.ts';

export const NOBODY = new AbortController().signal;

export function repository(name: string): RepositoryName {
  const found = parseRepositoryName(name);
  if (!found) throw new Error(`${name} is no name`);
  return found;
}

const POLICY = 'rollouts:\n- {name: web, repository: "h.example/*", refs: main}\n';

/** An entry of `answers` as the file has it, in the flow style of YAML. */
export function answer(text: string): AnswerConfig {
  const [config] = parseRolloutFile('/rollouts.yaml', `${POLICY}answers:\n- {name: a, ${text}}\n`).answers;
  if (!config) throw new Error('unreachable');
  return config;
}

export function notification(text: string): NotificationConfig {
  const [config] = parseRolloutFile('/rollouts.yaml', `${POLICY}notifications:\n- {name: n, ${text}}\n`).notifications;
  if (!config) throw new Error('unreachable');
  return config;
}

export function tools(redactor = new Redactor()): DestinationTools {
  const http = new HttpClient({});
  return {
    ...{ http, clock: systemClock, learn: (secret) => redactor.addRenewed(secret), githubApp: undefined },
    senderOptions: (_kind, name) => ({
      ...{ name, clock: systemClock, random: Math.random, log: silentLog },
      onResult: () => undefined,
      onProgress: async () => undefined,
    }),
  };
}
