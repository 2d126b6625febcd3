import { lstat, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { RelayConfig } from '../../config/relay-config.ts';
import type { DeciderConfig, RolloutFile } from '../../config/rollout-file.ts';
import { SidecarError } from '../../model/error.ts';

/** Whether this relay decides about rollouts or follows the one that does. */
export interface RelayRole {
  /** As this role needs it. */
  readonly config: RelayConfig;
  /** The relay that decides; undefined: this one, or none has to. */
  readonly follows: DeciderConfig | undefined;
  /**
   * Below the root, where mirrors are. Each role has its own: a mirror of the git server shows at the start what the
   * relay that decides may not have released.
   */
  readonly mirrors: string;
}

const [MIRRORS, MIRRORS_OF_DECIDER] = ['repositories', 'followed'];
const DECISIONS = 'rollouts';

/** @throws SidecarError ERR_ROLLOUT_POLICY where the relays have NATS to choose by */
export function roleOf(config: RelayConfig, file: Pick<RolloutFile, 'decider'> | undefined): RelayRole {
  const decider = file?.decider;
  if (decider && config.nats) {
    const detail = 'it names a decider; relays with --nats choose by themselves which one decides';
    throw new SidecarError('ERR_ROLLOUT_POLICY', { op: 'use the rollout policies', detail });
  }
  if (!decider || decider.name === (config.relayName ?? hostname()))
    return { config, follows: undefined, mirrors: MIRRORS };
  const { name: _name, ...access } = decider;
  const parent = { ...access, fallback: false, exechookFailures: 0, instance: config.relayName, labels: {} };
  return { config: { ...config, parent }, follows: decider, mirrors: MIRRORS_OF_DECIDER };
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/**
 * A relay that followed knows nothing of halted commits, pins and pauses. Without the decisions of the relay before it,
 * it would show the newest commit to everybody; so it does not begin to decide. Decisions from before it followed are
 * too old to be used again.
 * @throws SidecarError ERR_ROLLOUT_STATE
 */
export async function prepareRole(root: string, { config, follows }: RelayRole): Promise<void> {
  const decisions = join(root, DECISIONS);
  if (follows) {
    if (!(await exists(decisions))) return;
    await rm(`${decisions}.former`, { recursive: true, force: true });
    await rename(decisions, `${decisions}.former`);
    return;
  }
  const hasPolicies = config.rollouts !== undefined || config.policies !== undefined;
  if (!hasPolicies || config.nats || !(await exists(join(root, MIRRORS_OF_DECIDER))) || (await exists(decisions)))
    return;
  throw new SidecarError('ERR_ROLLOUT_STATE', {
    op: 'decide about rollouts',
    target: root,
    detail: 'this relay followed another one that decided, and has nothing of what that one decided',
    hint: `Copy ${DECISIONS} from the root of that relay to ${decisions}. Where it is lost, remove ${join(root, MIRRORS_OF_DECIDER)}: each governed ref is then shown to all instances as the git server has it.`,
  });
}
