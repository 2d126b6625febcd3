import { resolve } from 'node:path';
import { buildSyncConfig } from '../build-config.ts';
import { buildRunConfig } from '../build-run-config.ts';
import { parseHttpBind } from '../http-bind.ts';
import { loadRelayConfig, SHARED_WITH_RELAY } from '../load-relay.ts';
import type { OptionDefinition } from '../option.ts';
import { RELAY_OPTIONS } from '../options/relay.ts';
import { RUN_OPTIONS } from '../options/run.ts';
import { OPTIONS, optionNamed } from '../options.ts';
import type { RelayConfig } from '../relay-config.ts';
import type { RunConfig } from '../run-config.ts';
import { type EnvironmentVariables, resolveSettings, type Setting, Settings } from '../settings.ts';
import { parseSignal } from '../signals.ts';
import type { HttpConfig, SyncConfig } from '../sync-config.ts';
import { checkWord, refuseIf } from '../validation.ts';

/** The only file here that knows how the option table is cut, and who builds configurations from it. */

export type UnitKind = 'sync' | 'run' | 'relay';
export const UNIT_KINDS: readonly UnitKind[] = ['sync', 'run', 'relay'];

/** Parts of a document that are about the process as a whole. */
export type SectionName = 'http' | 'log' | 'process';
export const SECTION_NAMES: readonly SectionName[] = ['http', 'log', 'process'];

/** A row with the words that it allows, where it allows some only. */
export type Row = OptionDefinition & { readonly choices?: readonly string[] };

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

const UNIT_ROWS: Readonly<Record<UnitKind, readonly Row[]>> = {
  sync: ROWS.filter((row) => sectionOf(row) === undefined),
  run: [optionNamed('link'), ...RUN_OPTIONS],
  relay: [
    RELAY_ADDRESS,
    ...ROWS.filter((row) => sectionOf(row) === undefined && SHARED_WITH_RELAY.includes(row.name)),
    ...RELAY_OPTIONS,
  ],
};

/** The options that a unit of `kind` has. */
export function unitRows(kind: UnitKind): readonly Row[] {
  return UNIT_ROWS[kind];
}

export function sectionRows(section: SectionName): readonly Row[] {
  return ROWS.filter((row) => sectionOf(row) === section);
}

/** Options that a unit can have: what may stand below `defaults`. An address is nobody's default. */
export const DEFAULT_ROWS: readonly Row[] = [
  ...new Map(UNIT_KINDS.flatMap(unitRows).map((row) => [row.name, row])).values(),
].filter((row) => row !== RELAY_ADDRESS);

/** The key of `row` in its section: the name of the section is left out in front. */
export function sectionKey(section: SectionName, { name }: Row): string {
  return name.startsWith(`${section}-`) ? name.slice(section.length + 1) : name;
}

/** What an error of the command line names, in the words of a document. */
export function documentName(name: string): string {
  const row = ROWS.find((each) => each.name === name);
  const section = row && sectionOf(row);
  return row && section ? `${section}.${sectionKey(section, row)}` : name;
}

/**
 * The default of `row` in a document, as one would type it. One bad credential must not end a process that others share,
 * so a sync fails without end, unless it is a `one-time` one: somebody waits for that.
 */
export function documentDefault({ name, default: fallback }: Row): string {
  return name === 'max-failures' ? '-1' : fallback;
}

/** The settings of `given`; all others have their defaults. Variables of options are not read. */
function settingsOf(rows: readonly Row[], given: ReadonlyMap<string, Setting>, env: EnvironmentVariables): Settings {
  const isOneTime = given.get('one-time')?.value === true;
  const inDocument = isOneTime ? rows : rows.map((row) => ({ ...row, default: documentDefault(row) }));
  const defaults = resolveSettings('v4', { uses: [], positional: [] }, { HOME: env.HOME }, inDocument);
  const all = defaults
    .all()
    .map((setting) => [setting.option.name, given.get(setting.option.name) ?? setting] as const);
  return new Settings('v4', new Map(all), []);
}

/** Each of `rows` with its value, given or by default. */
export function completeSettings(
  rows: readonly Row[],
  given: ReadonlyMap<string, Setting>,
  env: EnvironmentVariables,
): readonly Setting[] {
  return settingsOf(rows, given, env).all();
}

export interface ProcessConfig {
  readonly http: HttpConfig | undefined;
  readonly log: { readonly verbosity: number; readonly logFormat: SyncConfig['logFormat'] };
  readonly process: Pick<SyncConfig, 'syncOnSignal' | 'addUser'> & { readonly terminationLog: string };
}

/**
 * What `http`, `log` and `process` say.
 * @throws SidecarError ERR_CONFIG_*
 */
export function buildProcess(given: ReadonlyMap<string, Setting>, env: EnvironmentVariables): ProcessConfig {
  const settings = settingsOf(OPTIONS, given, env);
  const hasHttp = sectionRows('http').some(({ name }) => given.has(name));
  refuseIf(hasHttp && settings.text('http-bind') === '', '--http-bind must be set, for instance to :8080');
  checkWord(settings, 'log-format', ['auto', 'json', 'text']);
  const signal = settings.text('sync-on-signal');
  const syncOnSignal = parseSignal(signal);
  refuseIf(
    signal !== '' && syncOnSignal === undefined,
    `--sync-on-signal: ${JSON.stringify(signal)} is not a signal that can be caught`,
  );
  return {
    http: parseHttpBind(settings),
    log: { verbosity: settings.number('verbose'), logFormat: settings.text('log-format') as SyncConfig['logFormat'] },
    process: {
      syncOnSignal,
      addUser: settings.flag('add-user'),
      terminationLog: settings.text('termination-log'),
    },
  };
}

/** What is handed to whoever builds a unit. `given` has the values of the unit, of `defaults` and of the sections. */
export interface UnitParts {
  readonly given: ReadonlyMap<string, Setting>;
  /** What children inherit. */
  readonly env: EnvironmentVariables;
  readonly command: readonly string[];
  /** The link of the sync that a run follows. */
  readonly link: string | undefined;
}

export function buildSync({ given, env }: UnitParts): SyncConfig {
  return { ...buildSyncConfig(settingsOf(OPTIONS, given, env), env), secretsOnCommandLine: false };
}

export function buildRun({ given, env, command, link }: UnitParts): RunConfig {
  const option = optionNamed('link');
  const followed =
    link === undefined ? [] : [[option.name, { option, value: link, source: 'flag', sourceName: 'from' }] as const];
  const own = settingsOf(RUN_OPTIONS, given, env);
  const sync = settingsOf(OPTIONS, new Map<string, Setting>([...given, ...followed]), env);
  return buildRunConfig({ own, sync, command, cwd: resolve('.') }, env);
}

export function buildRelay({ given, env }: UnitParts): RelayConfig {
  const own = settingsOf(RELAY_OPTIONS, given, env);
  const sync = settingsOf(OPTIONS, given, env);
  const config = loadRelayConfig({ own, sync, syncFlags: [], words: [], notices: [] }, env);
  return { ...config, secretsOnCommandLine: false };
}

/** Variables of options, which mean nothing to a document. */
export const OPTION_VARIABLES: readonly string[] = [
  ...new Set([...OPTIONS, ...RUN_OPTIONS, ...RELAY_OPTIONS].flatMap(({ env }) => env)),
];
