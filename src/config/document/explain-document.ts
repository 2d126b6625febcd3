import { visibleText } from '../../platform/visible-text.ts';
import { maskValue } from '../secrecy.ts';
import type { LoadedDocument, LoadedUnit, ShownSetting } from './loaded-document.ts';
import { showPlace } from './problems.ts';
import { documentName } from './rows.ts';

function shownValue({ option, value, isHidden }: ShownSetting): string {
  if (isHidden) return '*****';
  if (option.type === 'duration') return `${Number(value) / 1000}s`;
  const texts = [value].flat().map(String);
  return texts.map((text) => maskValue(option, text)).join(' ') || '""';
}

const WIDEST_VALUE = 44;

/** Lines of name, value and origin, in columns. */
function table(rows: readonly (readonly [string, string, string])[]): string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const [nameWidth = 0, valueWidth = 0] = widths;
  return rows.map(([name, value, origin]) =>
    `  ${name.padEnd(nameWidth)}  ${value.padEnd(Math.min(WIDEST_VALUE, valueWidth))}  ${origin}`.trimEnd(),
  );
}

/** Old names of options are shown where the document uses them. */
function settingRows(settings: readonly ShownSetting[]): (readonly [string, string, string])[] {
  const listed = settings.filter(({ option, source }) => source !== 'default' || option.replacedBy === undefined);
  return listed.map((setting) => [setting.option.name, shownValue(setting), setting.sourceName] as const);
}

/** What a unit has beside its options. A command may hold anything, so only the program is shown. */
function ownRows(unit: LoadedUnit, path: string): (readonly [string, string, string])[] {
  const place = showPlace(path, unit.place);
  if (unit.kind === 'sync' && unit.config.group) return [['group', unit.config.group.name, place]];
  if (unit.kind !== 'run') return [];
  const [file, ...rest] = unit.config.command ?? ['none, a mirror'];
  const command = maskValue({}, rest.length === 0 ? file : `${file} …`);
  return [
    ...(unit.from === undefined ? [] : [['from', unit.from, place] as const]),
    ['command', command, place] as const,
  ];
}

/**
 * The text of `up --explain`: every option of every unit with its value and where it came from, `FILE:12:5`,
 * `FILE:3:3 (defaults)` or `default`; secrets are masked.
 */
export function explainDocument({ path, settings, units, store, notices }: LoadedDocument): string {
  const ofProcess = settingRows(settings).map(([name, ...rest]) => [documentName(name), ...rest] as const);
  const ofStore = store ? [['store', store.directory, showPlace(path, store.place)] as const] : [];
  const parts = units.map((unit) => {
    const isFollowing = unit.kind === 'run' && unit.from !== undefined;
    const own = unit.settings.filter(({ option }) => !(isFollowing && option.name === 'link'));
    return ['', `${unit.kind} ${unit.name}`, ...table([...ownRows(unit, path), ...settingRows(own)])];
  });
  const remarks = notices.map((notice) => `note: ${visibleText(notice)}`);
  return `${['process', ...table([...ofProcess, ...ofStore]), ...parts.flat(), ...(remarks.length > 0 ? [''] : []), ...remarks].join('\n')}\n`;
}
