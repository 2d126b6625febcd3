import { type Oid, parseOid } from '../../model/oid.ts';
import type { GovernedState } from './governed-state.ts';

type Shape = Readonly<Record<string, (value: unknown) => boolean>>;

const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => Number.isFinite(value);
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const isOid = (value: unknown): value is Oid => isText(value) && parseOid(value) === value;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const maybe =
  (test: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || test(value);
const listOf =
  (test: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every(test);
const shaped =
  (shape: Shape) =>
  (value: unknown): boolean =>
    isRecord(value) && Object.entries(shape).every(([key, test]) => test(value[key]));

const isPushed = shaped({ oid: isOid, at: isNumber });
const isSaid = shaped({ at: isNumber, who: isText, why: isText });
const isLabels = (value: unknown): boolean => isRecord(value) && Object.values(value).every(isText);
const isProgress = (value: unknown): boolean => value === 'waiting' || value === 'done' || value === 'failed';

const isMember = shaped({
  key: isText,
  name: isText,
  labels: isLabels,
  target: isOid,
  lostAt: maybe(isNumber),
  stage: maybe(isNumber),
  late: isFlag,
  progress: isProgress,
  wasDone: isFlag,
  writtenOff: isFlag,
  goesBack: isFlag,
  leftover: isFlag,
  runs: isFlag,
  crashes: maybe(isNumber),
});

const isFailure = shaped({ key: isText, name: isText, stage: isNumber, reason: isText, at: isNumber });

const isRollout = shaped({
  oid: isOid,
  startedAt: isNumber,
  skipsAhead: isFlag,
  stage: isNumber,
  openedAt: isNumber,
  deadlineAt: isNumber,
  isUninhabited: isFlag,
  soakFrom: maybe(isNumber),
  heldFrom: maybe(isNumber),
  isFrozen: isFlag,
  thawed: maybe(isNumber),
  failures: listOf(isFailure),
  halt: maybe(shaped({ at: isNumber, why: isText, who: maybe(isText), wentBack: isFlag })),
});

const isState = shaped({
  version: (value) => value === 1,
  changedAt: maybe(isNumber),
  fleet: isNumber,
  stages: listOf(isText),
  tip: maybe(isOid),
  completed: maybe(isPushed),
  history: listOf(isOid),
  rollout: maybe(isRollout),
  queue: listOf(isPushed),
  refused: listOf(isOid),
  paused: maybe(isSaid),
  pinned: maybe(isSaid),
  members: listOf(isMember),
  journal: listOf(shaped({ at: isNumber, what: isText, who: maybe(isText), why: maybe(isText), oid: maybe(isOid) })),
});

/** Looks at a state that was read as JSON. @returns undefined for what this release did not write */
export function readGovernedState(value: unknown): GovernedState | undefined {
  return isState(value) ? (value as GovernedState) : undefined;
}
