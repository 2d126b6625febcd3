import { redactUrl } from '../platform/redact.ts';
import { visibleText } from '../platform/visible-text.ts';
import type { Loaded } from './load.ts';
import { maskValue } from './secrecy.ts';
import type { Setting } from './settings.ts';
import { formatSize } from './size.ts';

function shown({ option, value }: Setting): string {
  if (option.type === 'duration') return `${Number(value) / 1000}s`;
  if (option.type === 'size') return formatSize(Number(value));
  const texts = Array.isArray(value) ? value.map(String) : [String(value)];
  return texts.map((text) => maskValue(option, text)).join(' ') || '""';
}

/** The text of `--explain`: every option with its value and where it came from, then the remarks. */
export function renderExplanation(loaded: Pick<Loaded, 'compat' | 'settings' | 'notices'>): string {
  const listed = loaded.settings
    .all()
    .filter(({ option }) => !option.hidden && !['help', 'man', 'version', 'explain'].includes(option.name));
  const names = listed.map(({ option }) => (option.envOnly ? `(${option.env[0]})` : `--${option.name}`));
  const width = Math.max(...names.map((name) => name.length));
  const values = listed.map(shown);
  const valueWidth = Math.min(44, Math.max(...values.map((value) => value.length)));
  const lines = listed.map(
    ({ sourceName }, index) =>
      `${(names[index] ?? '').padEnd(width)}  ${(values[index] ?? '').padEnd(valueWidth)}  ${sourceName}`,
  );
  const notices = loaded.notices.map((notice) => `note: ${visibleText(redactUrl(notice))}`);
  return `${[`compat mode ${loaded.compat.mode}: ${loaded.compat.reason}`, '', ...lines, '', ...notices].join('\n').trimEnd()}\n`;
}
