import type { EnvironmentVariables } from '../settings.ts';
import { attempt, complain } from './complaint.ts';
import type { GivenReader, GivenSetting } from './given.ts';
import { asMap, knownEntries } from './keys.ts';
import { type Place, type Problems, START } from './problems.ts';
import { Configurations, type ProcessConfig, SECTION_NAMES, sectionKey, sectionRows } from './rows.ts';
import type { TreeMap } from './tree.ts';

export interface LoadedSections {
  /** undefined when something is wrong with them. */
  readonly config: ProcessConfig | undefined;
  readonly given: ReadonlyMap<string, GivenSetting>;
  /** Where `http` stands. */
  readonly httpAt: Place;
}

/** `http`, `log` and `process`: what is about the process as a whole. */
export function readSections(
  top: TreeMap,
  reader: GivenReader,
  env: EnvironmentVariables,
  problems: Problems,
): LoadedSections {
  const given = new Map<string, GivenSetting>();
  let httpAt = START;
  const before = problems.count;
  for (const section of SECTION_NAMES) {
    const entry = top.entries.find(({ key }) => key === section);
    if (!entry) continue;
    if (section === 'http') httpAt = entry.keyAt;
    const rows = new Map(sectionRows(section).map((row) => [sectionKey(section, row), row]));
    const map = asMap(entry.value, section, problems);
    for (const { key, value } of knownEntries(map, [...rows.keys()], `below ${section}`, problems)) {
      const row = rows.get(key);
      const setting = row && reader.read(row, `${section}.${key}`, value, 'unit');
      if (setting) given.set(setting.option.name, setting);
    }
  }
  const found = problems.count > before ? undefined : attempt(() => new Configurations(env).process(given));
  if (found && 'error' in found) complain(found.error, { at: httpAt, title: '', given }, problems);
  return { config: found && 'value' in found ? found.value : undefined, given, httpAt };
}
