import type { MaxUnavailable, RestName, Selection, Stage } from '../rollout-policy.ts';
import { Fields } from './fields.ts';
import type { Problems } from './problems.ts';
import type { TreeNode } from './tree.ts';

const KEYS = ['name', 'select', 'max-unavailable', 'soak', 'deadline', 'failures', 'restarts'];
const SELECT_KEYS = ['instances', 'labels', 'count', 'percent'];
export const MOST_INSTANCES = 1_000_000;
export const MOST_RESTARTS = 1000;
/** What stands in messages, in metrics and on a page. */
const NAME = /^[\p{L}\p{N}](?:[\p{L}\p{N} ._-]{0,62}[\p{L}\p{N}])?$/u;

const REST: RestName = 'the rest';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A name of a policy or a stage. */
export function readName(fields: Fields): string | undefined {
  const name = fields.required('name');
  if (name === undefined || NAME.test(name)) return name;
  return fields.complain('name', 'must have at most 64 letters, digits, spaces, dots, dashes and underscores');
}

export function readMaxUnavailable(fields: Fields): MaxUnavailable | undefined {
  const text = fields.text('max-unavailable');
  if (text === undefined) return undefined;
  const [, digits = '', sign] = /^(\d{1,7})(%?)$/.exec(text) ?? [];
  const value = digits === '' ? 0 : Number(digits);
  if (value >= 1 && value <= (sign === '%' ? 100 : MOST_INSTANCES)) return sign === '%' ? { percent: value } : value;
  return fields.complain('max-unavailable', 'must be a number of instances, or a percentage such as 10%; at least 1');
}

function readPercent(fields: Fields): number | undefined {
  const text = fields.text('percent');
  if (text === undefined) return undefined;
  const [, digits = ''] = /^(\d{1,3}(?:\.\d{1,6})?)%?$/.exec(text) ?? [];
  const value = digits === '' ? 0 : Number(digits);
  return value > 0 && value <= 100 ? value : fields.complain('percent', 'must be more than 0 and at most 100');
}

function readLabels(fields: Fields, problems: Problems): Readonly<Record<string, string>> | undefined {
  const node = fields.node('labels');
  if (!node) return undefined;
  if (node.kind !== 'map') return fields.complain('labels', 'must be a mapping: lines of `key: value`');
  return Object.fromEntries(
    node.entries.flatMap(({ key, value, keyAt }) => {
      if (value.kind === 'text') return [[key, value.text] as const];
      problems.add(keyAt, 'the value of a label must be a text');
      return [];
    }),
  );
}

function readSelection(node: TreeNode | undefined, stage: Fields, problems: Problems): Selection | undefined {
  if (!node) return stage.complain('select', 'is missing; say which instances belong to it');
  const fields = new Fields(node, 'select', SELECT_KEYS, problems);
  const select: Mutable<Selection> = {};
  const instances = fields.texts('instances');
  const labels = readLabels(fields, problems);
  const count = fields.whole('count', 1, MOST_INSTANCES);
  const percent = readPercent(fields);
  if (instances) select.instances = instances.map(({ text }) => text);
  if (labels) select.labels = labels;
  if (count !== undefined) select.count = count;
  if (percent !== undefined) select.percent = percent;
  if (count !== undefined && percent !== undefined) fields.complain('percent', 'and count cannot be in one stage');
  if (SELECT_KEYS.every((key) => fields.node(key) === undefined))
    stage.complain('select', `selects nobody: give it at least one of ${SELECT_KEYS.join(', ')}`);
  return select;
}

function readStage(item: TreeNode, problems: Problems): Stage | undefined {
  const fields = new Fields(item, 'a stage', KEYS, problems);
  const name = readName(fields);
  if (name === REST) fields.complain('name', 'is the name of the stage behind all others; choose another one');
  const select = readSelection(fields.node('select'), fields, problems);
  const own: Mutable<Omit<Stage, 'name' | 'select'>> = {};
  const maxUnavailable = readMaxUnavailable(fields);
  const soakMs = fields.duration('soak', 0);
  const deadlineMs = fields.duration('deadline', 1);
  const failures = fields.whole('failures', 1, MOST_INSTANCES);
  const restarts = fields.whole('restarts', 1, MOST_RESTARTS);
  if (maxUnavailable !== undefined) own.maxUnavailable = maxUnavailable;
  if (soakMs !== undefined) own.soakMs = soakMs;
  if (deadlineMs !== undefined) own.deadlineMs = deadlineMs;
  if (failures !== undefined) own.failures = failures;
  if (restarts !== undefined) own.restarts = restarts;
  return name === undefined || !select ? undefined : { name, select, ...own };
}

/** The stages in their order; no two have the same name. */
export function readStages(node: TreeNode | undefined, problems: Problems): readonly Stage[] {
  if (!node) return [];
  if (node.kind !== 'list') problems.add(node.at, 'stages must be a list');
  const names = new Set<string>();
  return (node.kind === 'list' ? node.items : []).flatMap((item) => {
    const stage = readStage(item, problems);
    if (!stage) return [];
    if (names.has(stage.name)) problems.add(item.at, 'another stage before it has the same name');
    names.add(stage.name);
    return [stage];
  });
}
