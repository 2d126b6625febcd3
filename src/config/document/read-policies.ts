import type { Policy, SkipAhead } from '../rollout-policy.ts';
import { Fields } from './fields.ts';
import { LineMap, parseYaml } from './parse-yaml.ts';
import { Problems, START } from './problems.ts';
import { readFreeze } from './read-freeze.ts';
import { MOST_INSTANCES, readMaxUnavailable, readName, readStages } from './read-stages.ts';
import { makeTree, type TreeNode, type TreeText } from './tree.ts';

const KEYS = [
  ...['name', 'repository', 'refs', 'stages', 'max-unavailable', 'done', 'soak', 'deadline', 'failures'],
  ...['on-failure', 'push', 'freeze', 'enforce', 'skip-ahead'],
];
/** The key of the list, in a file of its own and in a relay of a document. */
const ROLLOUTS_KEY = 'rollouts';
const DEFAULT_DEADLINE_MS = 30 * 60_000;
/** As behind the `#` of `--allow`. */
const REF = /^[^\s~^:?[\\,]+$/;
/** As in `--allow`, without a scheme, a user and refs. */
const REPOSITORY = /^(?!\w+:\/\/)[^\s/@#?]+\/[^\s@#?]+$/;
const TRAILER = /^[A-Za-z0-9-]+(?:\s*:\s*\S.*)?$/;

function readRefs(fields: Fields, key: string, problems: Problems): readonly string[] | undefined {
  const texts = fields.texts(key);
  for (const { at, text } of texts ?? [])
    if (!REF.test(text)) problems.add(at, `${key} takes names like main, release/* and refs/tags/**`);
  return texts?.map(({ text }: TreeText) => text);
}

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

function readPolicy(item: TreeNode, problems: Problems): Policy | undefined {
  const fields = new Fields(item, 'a policy', KEYS, problems);
  const name = readName(fields);
  const repository = fields.required('repository');
  if (repository !== undefined && !REPOSITORY.test(repository))
    fields.complain('repository', 'must be like git.example.com/team/*, without https:// and without a user');
  if (!fields.node('refs')) fields.complain('refs', 'is missing; which branches or tags does it govern?');
  const refs = readRefs(fields, 'refs', problems);
  const policy = {
    stages: readStages(fields.node('stages'), problems),
    maxUnavailable: readMaxUnavailable(fields) ?? 1,
    done: fields.oneOf('done', ['published', 'ready']) ?? 'ready',
    soakMs: fields.duration('soak', 0) ?? 0,
    deadlineMs: fields.duration('deadline', 1) ?? DEFAULT_DEADLINE_MS,
    failures: fields.whole('failures', 1, MOST_INSTANCES) ?? 1,
    onFailure: fields.oneOf('on-failure', ['halt', 'revert']) ?? 'halt',
    push: fields.oneOf('push', ['queue', 'replace', 'finish']) ?? 'finish',
    freeze: readFreeze(fields.node('freeze'), problems),
    enforce: fields.flag('enforce') ?? false,
    skipAhead: readSkipAhead(fields.node('skip-ahead'), problems),
  } as const;
  return name === undefined || repository === undefined || !refs ? undefined : { name, repository, refs, ...policy };
}

/** The policies of a list, in their order. What is wrong is among the problems. */
function readPolicies(node: TreeNode, problems: Problems): readonly Policy[] {
  if (node.kind !== 'list') problems.add(node.at, `${ROLLOUTS_KEY} must be a list of policies`);
  const names = new Set<string>();
  return (node.kind === 'list' ? node.items : []).flatMap((item) => {
    const policy = readPolicy(item, problems);
    if (!policy) return [];
    if (names.has(policy.name)) problems.add(item.at, 'another policy before it has the same name');
    names.add(policy.name);
    return [policy];
  });
}

/**
 * Reads a file of policies: a mapping whose only key is `rollouts`.
 * @param path for messages
 * @throws DocumentError ERR_ROLLOUT_POLICY; its detail lists what is wrong, with file, line and column
 */
export function parsePolicies(path: string, text: string): readonly Policy[] {
  const problems = new Problems(path);
  const places = new LineMap(text);
  const yaml = parseYaml(text, places, problems);
  const tree = yaml && makeTree(yaml, places, problems);
  problems.throwIfAny('ERR_ROLLOUT_POLICY');
  if (!tree) throw new Error('unreachable');
  const fields = new Fields(tree, 'a file of rollout policies', [ROLLOUTS_KEY], problems);
  const list = fields.node(ROLLOUTS_KEY);
  if (!list) problems.add(START, `the file has no key ${ROLLOUTS_KEY}`);
  const policies = list ? readPolicies(list, problems) : [];
  problems.throwIfAny('ERR_ROLLOUT_POLICY');
  return policies;
}
