import { messageOf } from '../model/error.ts';
import type { LogFormat, LogRecord } from './log.ts';
import { isVisible, visibleJson, visibleText } from './visible-text.ts';

/** `2026-01-31 12:00:00.123000`, UTC: the shape of v4.7.1's `ts` (compat.md 6). */
function timestamp(time: Date): string {
  return `${time.toISOString().slice(0, 23).replace('T', ' ')}000`;
}

/** JSON lines with git-sync v4's keys (compat.md 6): logger, ts, level (absent on errors), msg, error, then pairs. */
export const jsonLogFormat: LogFormat = (record: LogRecord) => {
  const line: Record<string, unknown> = { logger: '', ts: timestamp(record.time) };
  if (record.kind !== 'error') line.level = record.level;
  if (record.kind === 'warn') line.severity = 'warning';
  line.msg = record.message;
  if (record.error !== undefined) line.error = messageOf(record.error);
  for (const [key, value] of Object.entries(record.fields)) line[key in line ? `${key}_` : key] = value;
  return visibleJson(line);
};

const RESET = '\u001b[0m';
const PAINT = { info: '', warn: '\u001b[33m', error: '\u001b[31m', dim: '\u001b[2m' } as const;

function plainValue(value: unknown): string {
  if (value === undefined) return 'undefined';
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) && isVisible(value) ? value : visibleJson(value);
}

/**
 * One readable line for a person at a terminal. Texts from outside stay text: characters that would move the cursor,
 * end the line or turn the writing direction are written as escapes.
 */
export function terminalLogFormat(colour: boolean): LogFormat {
  const paint = (style: keyof typeof PAINT, text: string): string =>
    colour && PAINT[style] ? `${PAINT[style]}${text}${RESET}` : text;
  return (record) => {
    const word = record.kind === 'info' ? '' : `${record.kind}: `;
    const { hint, code, ...fields } = record.fields;
    const error = record.error === undefined ? '' : `: ${messageOf(record.error)}`;
    const pairs = Object.entries(fields).map(
      ([key, value]) => ` ${paint('dim', `${visibleText(key)}=`)}${plainValue(value)}`,
    );
    const said = visibleText(`${word}${record.message}${error}`);
    const head = `${paint('dim', record.time.toISOString().slice(11, 23))} ${paint(record.kind, said)}`;
    const tail =
      code === undefined ? '' : `\n             ${paint('dim', visibleText(`${String(code)}: ${String(hint)}`))}`;
    return `${head}${pairs.join('')}${tail}`;
  };
}
