import type { RolloutFile } from '../rollout-file.ts';
import { Fields } from './fields.ts';
import { LineMap, parseYaml } from './parse-yaml.ts';
import { Problems, START } from './problems.ts';
import { readAnswer } from './read-answers.ts';
import { readDecider } from './read-decider.ts';
import { readNotification } from './read-notifications.ts';
import { readPolicy } from './read-policies.ts';
import { makeTree, type TreeMap, type TreeNode } from './tree.ts';

const LISTS = ['rollouts', 'answers', 'notifications'] as const;
const ROLLOUT_KEYS = ['decider', ...LISTS] as const;

/** The entries of a list, no two with the same name. */
function readList<T extends { readonly name: string }>(
  fields: Fields,
  key: (typeof LISTS)[number],
  one: string,
  problems: Problems,
  read: (item: TreeNode) => T | undefined,
): readonly T[] {
  const node = fields.node(key);
  if (!node) return [];
  if (node.kind !== 'list')
    problems.add(node.at, `${key} must be a list of ${one === 'policy' ? 'policies' : `${one}s`}`);
  const names = new Set<string>();
  return (node.kind === 'list' ? node.items : []).flatMap((item) => {
    const entry = read(item);
    if (!entry) return [];
    if (names.has(entry.name)) problems.add(item.at, `another ${one} before it has the same name`);
    names.add(entry.name);
    return [entry];
  });
}

/** @param path of the file that they stand in, where relative paths begin */
function readLists(fields: Fields, path: string, problems: Problems): RolloutFile {
  const policies = readList(fields, 'rollouts', 'policy', problems, (item) => readPolicy(item, problems));
  const names = new Set(policies.map(({ name }) => name));
  const decider = fields.node('decider');
  return {
    decider: decider && readDecider(decider, path, problems),
    policies,
    answers: readList(fields, 'answers', 'answer', problems, (item) => readAnswer(item, path, names, problems)),
    notifications: readList(fields, 'notifications', 'notification', problems, (item) =>
      readNotification(item, path, names, problems),
    ),
  };
}

/**
 * Reads the file of `--rollouts`: policies, and who gets to know of the rollouts.
 * @param path for messages, and where relative paths in it begin
 * @throws DocumentError ERR_ROLLOUT_POLICY; its detail lists what is wrong, with file, line and column
 */
export function parseRolloutFile(path: string, text: string): RolloutFile {
  const problems = new Problems(path);
  const places = new LineMap(text);
  const yaml = parseYaml(text, places, problems);
  const tree = yaml && makeTree(yaml, places, problems);
  problems.throwIfAny('ERR_ROLLOUT_POLICY');
  if (!tree) throw new Error('unreachable');
  const fields = new Fields(tree, 'a file of rollout policies', ROLLOUT_KEYS, problems);
  if (!fields.node('rollouts')) problems.add(START, 'the file has no key rollouts');
  const file = readLists(fields, path, problems);
  problems.throwIfAny('ERR_ROLLOUT_POLICY');
  return file;
}

/**
 * The same lists within a unit of a document; undefined where `rollouts` is no list, but the path of a file or not
 * there. What is wrong is among the problems.
 * @param path of the document
 */
export function readRolloutLists(unit: TreeMap, path: string, problems: Problems): RolloutFile | undefined {
  const entries = unit.entries.filter(({ key }) => (ROLLOUT_KEYS as readonly string[]).includes(key));
  const rollouts = entries.find(({ key }) => key === 'rollouts');
  if (rollouts?.value.kind === 'list')
    return readLists(new Fields({ ...unit, entries }, 'a relay', ROLLOUT_KEYS, problems), path, problems);
  for (const { key, keyAt } of entries)
    if (key !== 'rollouts')
      problems.add(
        keyAt,
        `${key} stands beside a list of rollouts; where rollouts names a file, it stands in that file`,
      );
  return undefined;
}
