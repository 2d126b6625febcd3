import type { KubernetesEvent } from '../platform/kubernetes-events.ts';
import { type DeploymentReport, GOOD_OUTCOMES, type Outcome } from './status.ts';

const REASONS: Readonly<Record<Outcome, string>> = {
  deployed: 'Deployed',
  unchanged: 'Unchanged',
  superseded: 'Superseded',
  'build-failed': 'BuildFailed',
  failed: 'DeploymentFailed',
  'rolled-back': 'RolledBack',
};

export function deploymentEvent({ id, outcome, reason }: DeploymentReport): KubernetesEvent {
  const isGood = GOOD_OUTCOMES.includes(outcome);
  const note = reason === undefined ? id : `${id}: ${reason}`;
  return { type: isGood ? 'Normal' : 'Warning', reason: REASONS[outcome], action: 'Deploy', note };
}
