import { resolve } from 'node:path';
import { buildSyncConfig } from '../build-config.ts';
import { buildRelayConfig } from '../build-relay-config.ts';
import { buildRunConfig } from '../build-run-config.ts';
import { parseHttpBind } from '../http-bind.ts';
import type { OptionDefinition } from '../option.ts';
import { OPTIONS, optionNamed, optionsOf } from '../options.ts';
import type { RelayConfig } from '../relay-config.ts';
import type { RunConfig } from '../run-config.ts';
import { type EnvironmentVariables, resolveSettings, type Setting, Settings } from '../settings.ts';
import { parseSignal } from '../signals.ts';
import type { HttpConfig, SyncConfig } from '../sync-config.ts';
import { checkSettings, refuseIf } from '../validation.ts';

/** The only file here that knows how the option table is cut, and who builds configurations from it. */

export type UnitKind = 'sync' | 'run' | 'relay';
export const UNIT_KINDS: readonly UnitKind[] = ['sync', 'run', 'relay'];

/** Parts of a document that are about the process as a whole. */
export type SectionName = 'http' | 'log' | 'process';
export const SECTION_NAMES: readonly SectionName[] = ['http', 'log', 'process'];

export type Row = OptionDefinition;

/** The words that a row allows, where it allows some only. */
export function choicesOf({ choices }: Row): readonly string[] | undefined {
  return choices && Object.keys(choices);
}

const OF_THE_PROCESS: readonly string[] = ['termination-log', 'sync-on-signal', 'add-user'];

/** The section that an option stands in; undefined: it is about a unit. */
export function sectionOf({ name, group }: Row): SectionName | undefined {
  if (name === 'verbose' || name === 'log-format') return 'log';
  if (OF_THE_PROCESS.includes(name)) return 'process';
  // How old an answer may be depends on the period, which is the unit's.
  return group === 'http' && name !== 'max-staleness' ? 'http' : undefined;
}

/** Questions to a command line, the choice of its grammar, and words that v4 reads and ignores. */
function isForCommandLineOnly({ name, hidden }: Row): boolean {
  return hidden === true || ['compat', 'explain', 'version', 'help', 'man'].includes(name);
}

const ROWS: readonly Row[] = OPTIONS.filter((row) => !isForCommandLineOnly(row));
const RELAY_ADDRESS = optionNamed('http-bind');

/** All options of each command: what its configuration is built from. */
const COMMAND_ROWS: Readonly<Record<UnitKind, readonly Row[]>> = {
  sync: optionsOf('sync'),
  run: optionsOf('run'),
  relay: optionsOf('relay'),
};

function unitRowsOf(kind: UnitKind): readonly Row[] {
  return COMMAND_ROWS[kind].filter((row) => !isForCommandLineOnly(row) && sectionOf(row) === undefined);
}

const UNIT_ROWS: Readonly<Record<UnitKind, readonly Row[]>> = {
  sync: unitRowsOf('sync'),
  // A run follows a sync of the document, so it has only those options of one that mean something to itself.
  run: unitRowsOf('run').filter(({ runAlone, commands }) => runAlone || !commands.includes('sync')),
  relay: [RELAY_ADDRESS, ...unitRowsOf('relay')],
};

/** The options that a unit of `kind` has. */
export function unitRows(kind: UnitKind): readonly Row[] {
  return UNIT_ROWS[kind];
}

export function sectionRows(section: SectionName): readonly Row[] {
  return ROWS.filter((row) => sectionOf(row) === section);
}

/** Options that a unit can have: what may stand below `defaults`. An address is never a default. */
export const DEFAULT_ROWS: readonly Row[] = [
  ...new Map(UNIT_KINDS.flatMap(unitRows).map((row) => [row.name, row])).values(),
].filter((row) => row !== RELAY_ADDRESS);

/** The key of `row` in its section: the name of the section is left out in front. */
export function sectionKey(section: SectionName, { name }: Row): string {
  return name.startsWith(`${section}-`) ? name.slice(section.length + 1) : name;
}

/** What an error of the command line names, by the keys of a document. */
export function documentName(name: string): string {
  const row = ROWS.find((each) => each.name === name);
  const section = row && sectionOf(row);
  return row && section ? `${section}.${sectionKey(section, row)}` : name;
}

/**
 * The default of `row` in a document, as one would type it. One bad credential must not end a process that others share,
 * so a sync that is not `one-time` fails without end.
 */
export function documentDefault({ name, default: fallback }: Row): string {
  return name === 'max-failures' ? '-1' : fallback;
}

export interface ProcessConfig {
  readonly http: HttpConfig | undefined;
  readonly log: { readonly verbosity: number; readonly logFormat: SyncConfig['logFormat'] };
  readonly process: Pick<SyncConfig, 'syncOnSignal' | 'addUser'> & { readonly terminationLog: string };
}

const DOCUMENT_COMPAT = { mode: 'v4', reason: 'a document speaks v4' } as const;

const PROCESS_ROWS: readonly Row[] = SECTION_NAMES.flatMap(sectionRows);

/** Options by name. */
export type Given<T extends Setting = Setting> = ReadonlyMap<string, T>;

export interface RunParts {
  readonly command: readonly string[];
  /** The link of the sync that it follows. */
  readonly link: string | undefined;
}

/** Makes checked configurations of what a document gives. Variables of options are not read. */
export class Configurations {
  readonly #env: EnvironmentVariables;
  /** Defaults are worked out once for all units. */
  readonly #defaults = new Map<readonly Row[], Given>();

  /** @param env what children inherit */
  constructor(env: EnvironmentVariables) {
    this.#env = env;
  }

  /** Each of `rows` with its value, given or by default. */
  complete<T extends Setting>(rows: readonly Row[], given: Given<T>): readonly (T | Setting)[] {
    return [...this.#defaultsOf(rows)].map(([name, setting]) => given.get(name) ?? this.#soft(setting, given));
  }

  /**
   * What `http`, `log` and `process` say.
   * @throws SidecarError ERR_CONFIG_*
   */
  process(given: Given): ProcessConfig {
    const settings = this.#settings(PROCESS_ROWS, given);
    const hasHttp = sectionRows('http').some(({ name }) => given.has(name));
    refuseIf(hasHttp && settings.text('http-bind') === '', '--http-bind must be set, for instance to :8080');
    checkSettings(settings, []);
    return {
      http: parseHttpBind(settings),
      log: { verbosity: settings.number('verbose'), logFormat: settings.text('log-format') as SyncConfig['logFormat'] },
      process: {
        syncOnSignal: parseSignal(settings.text('sync-on-signal')),
        addUser: settings.flag('add-user'),
        terminationLog: settings.text('termination-log'),
      },
    };
  }

  /** @throws SidecarError ERR_CONFIG_*, ERR_REMOTE_URL */
  sync(given: Given): SyncConfig {
    return { ...buildSyncConfig(this.#settings(COMMAND_ROWS.sync, given), this.#env), secretsOnCommandLine: false };
  }

  /** @throws SidecarError ERR_CONFIG_* */
  run(given: Given, { command, link }: RunParts): RunConfig {
    const option = optionNamed('link');
    const followed: Setting = { option, value: link ?? '', source: 'flag', sourceName: 'from' };
    const all = link === undefined ? given : new Map([...given, [option.name, followed]]);
    const settings = this.#settings(COMMAND_ROWS.run, all);
    return buildRunConfig(
      { compat: DOCUMENT_COMPAT, settings, words: [], command, notices: [] },
      this.#env,
      resolve('.'),
    );
  }

  /** @throws SidecarError ERR_CONFIG_*, ERR_REMOTE_URL */
  relay(given: Given): RelayConfig {
    const config = buildRelayConfig(this.#settings(COMMAND_ROWS.relay, given), this.#env);
    return { ...config, secretsOnCommandLine: false };
  }

  #settings(rows: readonly Row[], given: Given): Settings {
    const settings = this.complete(rows, given).map((setting) => [setting.option.name, setting] as const);
    return new Settings('v4', new Map(settings), []);
  }

  #defaultsOf(rows: readonly Row[]): Given {
    const known = this.#defaults.get(rows);
    if (known) return known;
    const { HOME } = this.#env;
    const defaults = resolveSettings('v4', { uses: [], positional: [] }, { HOME }, rows).all();
    const made = new Map(defaults.map((setting) => [setting.option.name, setting]));
    this.#defaults.set(rows, made);
    return made;
  }

  /** The default as a document has it. A caller that waits for a `one-time` sync has to learn that it failed. */
  #soft(setting: Setting, given: Given): Setting {
    if (setting.option.name !== 'max-failures' || given.get('one-time')?.value === true) return setting;
    return { ...setting, value: Number(documentDefault(setting.option)) };
  }
}

/** Variables of options, which mean nothing to a document. */
export const OPTION_VARIABLES: readonly string[] = [...new Set(OPTIONS.flatMap(({ env }) => env))];
