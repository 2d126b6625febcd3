import type { Policy, SkipAhead } from '../rollout-policy.ts';
import { Fields } from './fields.ts';
import type { Problems } from './problems.ts';
import { readRefs, readRepository } from './read-audience.ts';
import { readFreeze } from './read-freeze.ts';
import { MOST_INSTANCES, MOST_RESTARTS, readMaxUnavailable, readName, readStages } from './read-stages.ts';
import type { TreeNode } from './tree.ts';

const KEYS = [
  ...['name', 'repository', 'refs', 'stages', 'max-unavailable', 'done', 'soak', 'deadline', 'failures'],
  ...['restarts', 'on-failure', 'push', 'freeze', 'enforce', 'skip-ahead'],
];
const DEFAULT_DEADLINE_MS = 30 * 60_000;
const DEFAULT_RESTARTS = 2;
const TRAILER = /^[A-Za-z0-9-]+(?:\s*:\s*\S.*)?$/;

function readSkipAhead(node: TreeNode | undefined, problems: Problems): SkipAhead | undefined {
  if (!node) return undefined;
  const fields = new Fields(node, 'skip-ahead', ['refs', 'trailer'], problems);
  const refs = readRefs(fields, 'refs', problems);
  const trailer = fields.text('trailer');
  if (trailer !== undefined && !TRAILER.test(trailer))
    fields.complain('trailer', 'must be the key of a trailer, or `Key: value`');
  if (!fields.node('refs') && !fields.node('trailer'))
    problems.add(fields.at, 'skip-ahead has no effect without refs or trailer');
  return { ...(refs ? { refs } : {}), ...(trailer === undefined ? {} : { trailer }) };
}

/** An entry of `rollouts`. What is wrong is among the problems. */
export function readPolicy(item: TreeNode, problems: Problems): Policy | undefined {
  const fields = new Fields(item, 'a policy', KEYS, problems);
  const name = readName(fields);
  if (!fields.node('repository')) fields.complain('repository', 'is missing');
  const repository = readRepository(fields);
  if (!fields.node('refs')) fields.complain('refs', 'is missing; which branches or tags does it govern?');
  const refs = readRefs(fields, 'refs', problems);
  const policy = {
    stages: readStages(fields.node('stages'), problems),
    maxUnavailable: readMaxUnavailable(fields) ?? 1,
    done: fields.oneOf('done', ['published', 'ready']) ?? 'ready',
    soakMs: fields.duration('soak', 0) ?? 0,
    deadlineMs: fields.duration('deadline', 1) ?? DEFAULT_DEADLINE_MS,
    failures: fields.whole('failures', 1, MOST_INSTANCES) ?? 1,
    restarts: fields.whole('restarts', 1, MOST_RESTARTS) ?? DEFAULT_RESTARTS,
    onFailure: fields.oneOf('on-failure', ['halt', 'revert']) ?? 'halt',
    push: fields.oneOf('push', ['queue', 'replace', 'finish']) ?? 'finish',
    freeze: readFreeze(fields.node('freeze'), problems),
    enforce: fields.flag('enforce') ?? false,
    skipAhead: readSkipAhead(fields.node('skip-ahead'), problems),
  } as const;
  return name === undefined || repository === undefined || !refs ? undefined : { name, repository, refs, ...policy };
}
