import { newSpanId, newTraceId, type Span, traceIdOf } from '../platform/trace/span.ts';
import { type DeploymentReport, GOOD_OUTCOMES } from './status.ts';

/**
 * A deployment, from its beginning until the process was ready or it was given up.
 * @param isFirst of this process: it brings back what was there, and is no part of a push's way
 */
export function deploymentSpan({ id, outcome, reason, ms, at }: DeploymentReport, isFirst: boolean): Span {
  return {
    ...{ traceId: isFirst ? newTraceId() : traceIdOf(id), spanId: newSpanId() },
    ...{ name: 'deploy', from: at - ms, to: at },
    attributes: { 'vcs.ref.head.revision': id, 'git_sidecar.outcome': outcome },
    ...(!GOOD_OUTCOMES.includes(outcome) && { error: reason ?? outcome }),
  };
}
