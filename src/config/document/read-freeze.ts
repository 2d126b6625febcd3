import type { Day, FreezeWindow } from '../rollout-policy.ts';
import { Fields } from './fields.ts';
import type { Problems } from './problems.ts';
import type { TreeNode } from './tree.ts';

const DAYS: readonly Day[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const LAST_MINUTE = 24 * 60;
/** A date and a time with an offset. Without an offset the process's own zone would decide. */
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})$/;

function minutesOf(text: string): number | undefined {
  const [, hours = '', minutes = ''] = /^(\d{1,2}):([0-5]\d)$/.exec(text) ?? [];
  const total = Number(hours) * 60 + Number(minutes);
  return hours !== '' && total <= LAST_MINUTE ? total : undefined;
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    // That is how Intl says that it does not know a zone.
    return false;
  }
}

function readMinutes(fields: Fields, key: 'from' | 'to', otherwise: number): number | undefined {
  const text = fields.text(key);
  if (text === undefined) return fields.node(key) === undefined ? otherwise : undefined;
  return minutesOf(text) ?? fields.complain(key, 'must be a time such as 16:30, or 24:00 for the end of the day');
}

function readDays(fields: Fields): readonly Day[] | undefined {
  const texts = fields.texts('days');
  if (!texts) return fields.node('days') === undefined ? DAYS : undefined;
  const days = texts.map(({ text }) => DAYS.find((day) => day === text.toLowerCase()));
  const known = days.filter((day) => day !== undefined);
  return known.length === days.length ? known : fields.complain('days', `must be among ${DAYS.join(', ')}`);
}

function readWeekly(fields: Fields): FreezeWindow | undefined {
  const zone = fields.required('zone');
  if (zone !== undefined && !isZone(zone))
    return fields.complain('zone', 'must be a name of the time zone database such as Europe/Berlin, or UTC');
  const days = readDays(fields);
  const from = readMinutes(fields, 'from', 0);
  const to = readMinutes(fields, 'to', LAST_MINUTE);
  if (from === to && from !== undefined)
    return fields.complain('to', 'is the same as from; write from 00:00 to 24:00 for a whole day');
  if (zone === undefined || !days || from === undefined || to === undefined) return undefined;
  return { kind: 'weekly', days, from, to, zone };
}

function readMoment(fields: Fields, key: 'from' | 'to'): number | undefined {
  const text = fields.required(key);
  if (text === undefined) return undefined;
  const at = MOMENT.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at)
    ? fields.complain(key, 'must have a date, a time and an offset, such as 2026-12-24T12:00+01:00 or …Z')
    : at;
}

function readSpan(fields: Fields): FreezeWindow | undefined {
  for (const key of ['days', 'zone'])
    if (fields.node(key)) return fields.complain(key, 'belongs to hours of each week, not to a span of dates');
  const from = readMoment(fields, 'from');
  const to = readMoment(fields, 'to');
  if (from === undefined || to === undefined) return undefined;
  return from < to ? { kind: 'span', from, to } : fields.complain('to', 'must be later than from');
}

function isSpan(fields: Fields): boolean {
  return ['from', 'to'].some((key) => {
    const node = fields.node(key);
    return node?.kind === 'text' && /^\d{4}-/.test(node.text);
  });
}

/** A list of windows: hours of each week in a time zone, or spans between two dates. */
export function readFreeze(node: TreeNode | undefined, problems: Problems): readonly FreezeWindow[] {
  if (!node) return [];
  if (node.kind !== 'list') problems.add(node.at, 'freeze must be a list of windows');
  const items = node.kind === 'list' ? node.items : [];
  return items.flatMap((item) => {
    const fields = new Fields(item, 'a freeze window', ['days', 'from', 'to', 'zone'], problems);
    return (isSpan(fields) ? readSpan(fields) : readWeekly(fields)) ?? [];
  });
}
