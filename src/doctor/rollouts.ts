import { hostname } from 'node:os';
import type { RelayConfig } from '../config/relay-config.ts';
import type { RolloutFile } from '../config/rollout-file.ts';
import { SidecarError } from '../model/error.ts';
import { silentLogger } from '../platform/log.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import { PolicyFile } from '../relay/server/rollouts/policy-file.ts';
import { roleOf } from '../relay/wiring/role.ts';
import type { Examination } from './examination.ts';
import { none, ok, type Verdict, wrong } from './finding.ts';

/** Files with secrets that the policies name, in the order in which a person reads them. */
function secretFiles({ decider, answers, notifications }: RolloutFile): string[] {
  const named = [
    ...(decider ? [decider.tokenFile, decider.caFile, decider.certFile, decider.keyFile] : []),
    ...answers.map(({ tokenFile }) => tokenFile),
    ...notifications.flatMap(({ urlFile, tokenFile, secretFile }) => [urlFile, tokenFile, secretFile]),
  ];
  return [...new Set(named.filter((path) => path !== undefined))];
}

/** Who decides, as this relay understands it. */
function decision(config: RelayConfig, file: RolloutFile): string {
  const { follows } = roleOf(config, file);
  if (follows) return `${follows.name} decides (${follows.url}), this relay follows it`;
  if (config.nats) return `all relays of the group ${config.rolloutsGroup} on NATS decide as one`;
  return `this relay decides (its name is ${config.relayName ?? hostname()})`;
}

async function judge(config: RelayConfig, open: () => Promise<RolloutFile | undefined>): Promise<Verdict> {
  try {
    const file = await open();
    if (!file) return none('none are set');
    const who = decision(config, file);
    for (const path of secretFiles(file)) {
      const reason = await whyUnreadable(path);
      if (reason !== undefined) return wrong(`cannot read ${path}: ${reason}`, 'mount the Secret there');
    }
    const [policies, told] = [file.policies.length, file.answers.length + file.notifications.length];
    return ok(`${policies} ${policies === 1 ? 'policy' : 'policies'}, ${told} to be told; ${who}`);
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    return wrong(error.detail.replaceAll('\n', '; '), error.hint);
  }
}

/** The file of `--rollouts`: a running relay keeps its policies when it is wrong, and one that starts with it ends. */
export function checkRollouts(examination: Examination, config: RelayConfig): void {
  const { rollouts: path, policies } = config;
  examination.check({
    name: 'rollouts',
    target: path ?? 'policies',
    look: async () => {
      const reason = path === undefined ? undefined : await whyUnreadable(path);
      if (reason !== undefined)
        return wrong(`it cannot be read: ${reason}`, 'mount the ConfigMap there, or correct `--rollouts`');
      const { parseRolloutFile } = await import('../config/document/read-rollout-file.ts');
      const file = new PolicyFile(policies ?? path, parseRolloutFile, silentLogger);
      return await judge(config, async () => await file.open());
    },
  });
}
