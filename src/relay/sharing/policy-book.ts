import { createHash } from 'node:crypto';
import type { Policy } from '../../config/rollout-policy.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import { compilePolicies } from '../rollout/policy.ts';
import { compileNamePattern } from '../server/access/allow.ts';

/** The policies of a relay, as its group needs them. */
export interface PolicyBook {
  readonly policies: readonly Policy[];
  /** Relays with equal policies have the same. */
  readonly digest: string;
  /** undefined: no policy is about the ref. */
  readonly policyOf: (repository: RepositoryName, ref: string) => Policy | undefined;
  /** A policy may be about refs of this repository. */
  readonly covers: (repository: RepositoryName) => boolean;
  /** Clients may fetch only what was released to them. */
  readonly isEnforced: (repository: RepositoryName) => boolean;
}

export function bookOf(policies: readonly Policy[]): PolicyBook {
  const all = policies.map((policy) => ({ policy, matches: compileNamePattern(policy.repository) }));
  return {
    policies,
    digest: createHash('sha256').update(JSON.stringify(policies)).digest('hex').slice(0, 16),
    policyOf: compilePolicies(policies),
    covers: (repository) => all.some(({ matches }) => matches(repository)),
    isEnforced: (repository) => all.some(({ policy, matches }) => policy.enforce && matches(repository)),
  };
}
