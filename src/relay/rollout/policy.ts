import type { Policy, SkipAhead } from '../../config/rollout-policy.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import { compileNamePattern, compileRefGlobs } from '../server/access/allow.ts';

/** Says which policy governs a ref: the first one whose patterns match; undefined when none does. */
export function compilePolicies(
  policies: readonly Policy[],
): (repository: RepositoryName, ref: string) => Policy | undefined {
  const all = policies.map((policy) => ({
    policy,
    isRepository: compileNamePattern(policy.repository),
    isRef: compileRefGlobs(policy.refs.join(',')),
  }));
  return (repository, ref) => all.find((each) => each.isRepository(repository) && each.isRef(ref))?.policy;
}

/** True for the full name of a ref whose commits may skip the stages. */
export function compileSkipRefs(skipAhead: SkipAhead | undefined): (ref: string) => boolean {
  const refs = skipAhead?.refs ?? [];
  return refs.length === 0 ? () => false : compileRefGlobs(refs.join(','));
}

/** What a relay knows of a commit that was pushed. */
export interface PushFacts {
  /** As `git interpret-trailers --parse` shows them, of one key the last. */
  readonly trailers?: Readonly<Record<string, string>> | undefined;
  /** One of the refs of {@link compileSkipRefs} is at this commit. */
  readonly skipRef?: boolean | undefined;
}

/** Trailers are compared without regard to case, as git compares their keys. */
export function skipsAhead({ skipAhead }: Policy, { trailers, skipRef }: PushFacts): boolean {
  if (!skipAhead) return false;
  if (skipRef === true && (skipAhead.refs ?? []).length > 0) return true;
  const [key, value] = (skipAhead.trailer ?? '').split(/:(.*)/s).map((part) => part.trim().toLowerCase());
  if (key === undefined || key === '') return false;
  return Object.entries(trailers ?? {}).some(
    ([name, text]) => name.toLowerCase() === key && (value === undefined || text.trim().toLowerCase() === value),
  );
}
